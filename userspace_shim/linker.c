// SPDX-License-Identifier: GPL-2.0
/*
 * The dynamic linker: hakmem stays loaded, and the C library's names of the
 * allocation functions lead to hakmem's.
 *
 * A preloaded library is searched before the C library, but not by every object.
 * An object opened with RTLD_DEEPBIND searches its own dependencies first, so it
 * finds the C library's free(). A program that asks dlsym() for the C library's
 * free() gets that one, too. It aborts on a block of hakmem's. Therefore the
 * constructor writes the addresses of hakmem's functions into the C library's
 * symbol table. Addresses that were looked up before that stay the C library's.
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

/**
 * shim_stay() - keep the object that hakmem is linked into from being unloaded
 *
 * The destructor of each thread, fork()'s handlers and the program's blocks
 * refer to it. A program itself is never unloaded.
 */
void shim_stay(void)
{
	struct link_map *map;
	Dl_info info;

	if (!dladdr1(&shim_state, &info, (void **)&map, RTLD_DL_LINKMAP) ||
	    !map->l_name[0])
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

/* An object's dynamic symbols and the hash table to find them by. */
struct symbols {
	unsigned long base;
	Elf64_Sym *table;
	const char *names;
	const u32 *hash;
	unsigned long begin, end;	/* the entries to be written */
	int prot;			/* the table's protection */
};

/* On most machines the dynamic linker has relocated these pointers. */
static void *dynamic_ptr(const struct symbols *s, const Elf64_Dyn *d)
{
	unsigned long addr = d->d_un.d_ptr;

	return (void *)(addr < s->base ? addr + s->base : addr);
}

static int read_dynamic(struct symbols *s, const struct link_map *map)
{
	const Elf64_Dyn *d;

	s->base = map->l_addr;
	for (d = map->l_ld; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			s->table = dynamic_ptr(s, d);
		else if (d->d_tag == DT_STRTAB)
			s->names = dynamic_ptr(s, d);
		else if (d->d_tag == DT_GNU_HASH)
			s->hash = dynamic_ptr(s, d);
	}
	return s->table && s->names && s->hash ? 0 : -ENOENT;
}

/* Called for each object: find the protection of the table's segment. */
static int read_segment(struct dl_phdr_info *info, size_t size, void *data)
{
	struct symbols *s = data;
	unsigned long at = (unsigned long)s->table - s->base;
	unsigned int i;

	if (info->dlpi_addr != s->base)
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || at - ph->p_vaddr >= ph->p_filesz)
			continue;
		if (ph->p_flags & (PF_X | PF_W))
			return 0;
		s->prot = PROT_READ;
		return 1;
	}
	return 0;
}

static u32 gnu_hash(const char *name)
{
	u32 h = 5381;

	while (*name)
		h = h * 33 + (unsigned char)*name++;
	return h;
}

/* For all versions of a symbol: widen [begin, end), and write if @write. */
static void visit(struct symbols *s, const struct shim_symbol *sym, bool write)
{
	u32 buckets = s->hash[0], first = s->hash[1], bloom = s->hash[2];
	const u32 *bucket = s->hash + 4 + bloom * (sizeof(long) / sizeof(u32));
	const u32 *chain = bucket + buckets;
	u32 hash = gnu_hash(sym->name), i = bucket[hash % buckets];

	if (i < first)
		return;
	for (;; i++) {
		Elf64_Sym *e = &s->table[i];
		unsigned long at = (unsigned long)e;

		if ((chain[i - first] | 1) == (hash | 1) &&
		    !strcmp(s->names + e->st_name, sym->name)) {
			if (write)
				WRITE_ONCE(e->st_value, (unsigned long)sym->ours - s->base);
			s->begin = min(s->begin, at);
			s->end = max(s->end, at + sizeof(*e));
		}
		if (chain[i - first] & 1)
			return;
	}
}

static int rebind(struct symbols *s, const struct shim_symbol *sym, unsigned int n)
{
	unsigned long page = getpagesize();
	unsigned int i;

	s->begin = ULONG_MAX;
	for (i = 0; i < n; i++)
		visit(s, &sym[i], false);
	if (!s->end)
		return -ENOENT;
	s->begin = round_down(s->begin, page);
	s->end = round_up(s->end, page);
	if (mprotect((void *)s->begin, s->end - s->begin, s->prot | PROT_WRITE))
		return -errno;
	for (i = 0; i < n; i++)
		visit(s, &sym[i], true);
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
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	struct symbols s = { 0 };
	struct link_map *map;
	int saved = errno;
	int err;

	if (!libc || dlinfo(libc, RTLD_DI_LINKMAP, &map))
		return -ENOENT;
	err = read_dynamic(&s, map);
	if (!err && !dl_iterate_phdr(read_segment, &s))
		err = -EACCES;
	if (!err)
		err = rebind(&s, sym, n);
	dlclose(libc);
	errno = saved;
	return err;
}
