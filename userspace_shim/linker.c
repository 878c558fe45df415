// SPDX-License-Identifier: GPL-2.0
/*
 * The dynamic linker: hakmem stays loaded, and the C library's names of the
 * allocation functions lead to hakmem's.
 *
 * A preloaded library is searched before the C library, but not by every object.
 * If an object is opened with RTLD_DEEPBIND it searches its own dependencies
 * first, so it finds the C library's free(). A program that asks dlsym() for the
 * C library's free() gets that one, too. It aborts on a block of hakmem.
 * Therefore the constructor writes the addresses of hakmem's functions into the C
 * library's symbol table. Addresses that were looked up before that stay the C
 * library's.
 *
 * The shared library is initialised before the C library. dlopen() of an object
 * that is loaded may run the constructors of the object and of all it depends on.
 * They get their arguments from the C library, which has none yet and would be
 * given none either. So the constructor of the shared library calls no dlopen().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "shim.h"

static bool is_never_unloaded(const struct link_map *map)
{
	const Elf64_Dyn *d;

	for (d = map->l_ld; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_FLAGS_1)
			return d->d_un.d_val & DF_1_NODELETE;
	}
	return false;
}

/**
 * shim_stay() - keep the object that hakmem is linked into from being unloaded
 *
 * The destructor of each thread, fork()'s handlers and the program's blocks refer
 * to it. A program itself is never unloaded, and neither is the shared library,
 * which is linked with -z nodelete. Any other object that hakmem is linked into
 * is initialised after the C library.
 */
void shim_stay(void)
{
	struct link_map *map;
	Dl_info info;

	if (!dladdr1(&shim_state, &info, (void **)&map, RTLD_DL_LINKMAP) ||
	    !map->l_name[0] || is_never_unloaded(map))
		return;
	/* This reference is never given back. */
	dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/**
 * shim_is_bound() - does the program's name lead to hakmem's function?
 * @sym: the name and hakmem's function
 *
 * Return: true if it does, or if the name leads to the program's own stub.
 */
bool shim_is_bound(const struct shim_symbol *sym)
{
	void *p = dlsym(RTLD_DEFAULT, sym->name);
	const Elf64_Sym *found = NULL;
	Dl_info info;

	if (p == sym->ours)
		return true;
	/* A program at a fixed address has a stub for a function it refers to. */
	return p && dladdr1(p, &info, (void **)&found, RTLD_DL_SYMENT) &&
	       found && found->st_shndx == SHN_UNDEF;
}

#define LIBC	"libc.so.6"

/* The C library's dynamic symbols and the hash table to find them by. */
struct symbols {
	unsigned long base;
	Elf64_Sym *table;
	const char *names;
	const u32 *hash;
	unsigned long begin, end;	/* the entries to be written */
	int prot;			/* the table's protection, 0 if it must stay */
};

/* On most machines the dynamic linker has relocated these pointers. */
static void *dynamic_ptr(const struct symbols *s, const Elf64_Dyn *d)
{
	unsigned long addr = d->d_un.d_ptr;

	return (void *)(addr < s->base ? addr + s->base : addr);
}

/* Return: true if it is the C library's. */
static bool read_dynamic(struct symbols *s, const Elf64_Dyn *d)
{
	unsigned long soname = 0;

	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			s->table = dynamic_ptr(s, d);
		else if (d->d_tag == DT_STRTAB)
			s->names = dynamic_ptr(s, d);
		else if (d->d_tag == DT_GNU_HASH)
			s->hash = dynamic_ptr(s, d);
		else if (d->d_tag == DT_SONAME)
			soname = d->d_un.d_val;
	}
	return s->names && soname && !strcmp(s->names + soname, LIBC);
}

/* The protection of the table's segment, if the segment is read-only. */
static int table_prot(const struct symbols *s, const struct dl_phdr_info *info)
{
	unsigned long at = (unsigned long)s->table - s->base;
	unsigned int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && at - ph->p_vaddr < ph->p_filesz)
			return ph->p_flags & (PF_X | PF_W) ? 0 : PROT_READ;
	}
	return 0;
}

/* Called for each object: is it the C library? */
static int read_object(struct dl_phdr_info *info, size_t size, void *data)
{
	struct symbols s = { .base = info->dlpi_addr };
	unsigned int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_DYNAMIC ||
		    !read_dynamic(&s, (void *)(s.base + ph->p_vaddr)))
			continue;
		s.prot = table_prot(&s, info);
		*(struct symbols *)data = s;
		return 1;
	}
	return 0;
}

static bool read_libc(struct symbols *s)
{
	return dl_iterate_phdr(read_object, s) && s->table && s->hash;
}

static u32 gnu_hash(const char *name)
{
	u32 h = 5381;

	while (*name)
		h = h * 33 + (unsigned char)*name++;
	return h;
}

/* An indirect function's value is that of its resolver, and stays. */
static bool is_function(const Elf64_Sym *e)
{
	return ELF64_ST_TYPE(e->st_info) == STT_FUNC && e->st_shndx != SHN_UNDEF;
}

typedef void visit_fn(struct symbols *s, Elf64_Sym *e, void *arg);

/* Call @visit for each version of a function. */
static void visit_versions(struct symbols *s, const char *name, void *arg,
			   visit_fn *visit)
{
	u32 buckets = s->hash[0], first = s->hash[1], bloom = s->hash[2];
	const u32 *bucket = s->hash + 4 + bloom * (sizeof(long) / sizeof(u32));
	const u32 *chain = bucket + buckets;
	u32 hash = gnu_hash(name), i = bucket[hash % buckets];

	if (i < first)
		return;
	for (;; i++) {
		Elf64_Sym *e = &s->table[i];

		if ((chain[i - first] | 1) == (hash | 1) && is_function(e) &&
		    !strcmp(s->names + e->st_name, name))
			visit(s, e, arg);
		if (chain[i - first] & 1)
			return;
	}
}

static void widen(struct symbols *s, Elf64_Sym *e, void *ours)
{
	unsigned long at = (unsigned long)e;

	s->begin = min(s->begin, at);
	s->end = max(s->end, at + sizeof(*e));
}

static void write_value(struct symbols *s, Elf64_Sym *e, void *ours)
{
	WRITE_ONCE(e->st_value, (unsigned long)ours - s->base);
}

static int rebind(struct symbols *s, const struct shim_symbol *sym, unsigned int n)
{
	unsigned long page = getpagesize();
	unsigned int i;

	s->begin = ULONG_MAX;
	for (i = 0; i < n; i++)
		visit_versions(s, sym[i].name, NULL, widen);
	if (!s->end)
		return -ENOENT;
	s->begin = round_down(s->begin, page);
	s->end = round_up(s->end, page);
	if (mprotect((void *)s->begin, s->end - s->begin, s->prot | PROT_WRITE))
		return -errno;
	for (i = 0; i < n; i++)
		visit_versions(s, sym[i].name, sym[i].ours, write_value);
	mprotect((void *)s->begin, s->end - s->begin, s->prot);
	return 0;
}

/**
 * shim_rebind_libc() - write hakmem's functions into the C library's symbol table
 * @sym: names and hakmem's functions
 * @n: number of names
 *
 * All look-ups in the C library that come later find hakmem's functions. The
 * names that the library uses for its own functions (__libc_malloc) stay.
 *
 * Return: 0, or a negative error and nothing is changed.
 */
int shim_rebind_libc(const struct shim_symbol *sym, unsigned int n)
{
	struct symbols s = { 0 };
	int saved = errno;
	int err;

	if (!read_libc(&s))
		return -ENOENT;
	err = s.prot ? rebind(&s, sym, n) : -EACCES;
	errno = saved;
	return err;
}

static void take_value(struct symbols *s, Elf64_Sym *e, void *found)
{
	*(void **)found = (void *)(s->base + e->st_value);
}

/**
 * shim_libc_function() - find a function of the C library
 * @name: its name, which may be hakmem's and other allocators' as well
 *
 * Return: its address, or NULL.
 */
void *shim_libc_function(const char *name)
{
	struct symbols s = { 0 };
	void *found = NULL;

	if (read_libc(&s))
		visit_versions(&s, name, &found, take_value);
	return found;
}
