// SPDX-License-Identifier: GPL-2.0
/* The parameter table, and the only place that checks a value. */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "params.h"

#define HAK_PARAM_DEFINE(n, kind, env, def, min, max, desc) \
	unsigned int hak_##n = (def);
HAK_PARAMS(HAK_PARAM_DEFINE)

#define HAK_PARAM_ENTRY(n, kind, env, def, min, max, desc) \
	{ #n, HAK_PARAM_##kind, env, &hak_##n, min, max, desc },
const struct hak_param hak_params[] = { HAK_PARAMS(HAK_PARAM_ENTRY) };

#define HAK_PARAM_COUNT(n, kind, env, def, min, max, desc) + 1
const unsigned int hak_nr_params = 0 HAK_PARAMS(HAK_PARAM_COUNT);

/**
 * hak_param_find() - find a parameter by its module name
 * @name: as given to insmod
 *
 * Return: the table's entry, or NULL.
 */
const struct hak_param *hak_param_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < hak_nr_params; i++)
		if (!strcmp(hak_params[i].name, name))
			return &hak_params[i];
	return NULL;
}

/*
 * What a bool may be, in small letters or capitals: no and yes in turn. kstrtobool() looks at
 * the first character only, to which 12 is yes and 0x1 is no.
 */
static const char *const hak_param_bools[] = {
	"0", "1", "n", "y", "no", "yes", "off", "on", "f", "t", "false", "true",
};

static int hak_param_parse_bool(const char *called, const char *val,
				unsigned int *v)
{
	const char *s = val ? val : "";
	size_t n = strcspn(s, "\n");
	unsigned int i;

	/* Only one newline may follow. */
	if (s[n] && s[n + 1])
		n = strlen(s);
	for (i = 0; i < ARRAY_SIZE(hak_param_bools); i++) {
		if (strlen(hak_param_bools[i]) == n && !strncasecmp(s, hak_param_bools[i], n)) {
			*v = i % 2;
			return 0;
		}
	}
	pr_err("%s: \"%s\" is neither yes nor no; it takes 0, 1, n, y, no, yes, off, on, f, t, false, true\n",
	       called, s);
	return -EINVAL;
}

static int hak_param_parse_uint(const struct hak_param *param,
				const char *called, const char *val,
				unsigned int *v)
{
	int err = val ? kstrtouint(val, 0, v) : -EINVAL;

	if (!err && (*v < param->min || *v > param->max))
		err = -ERANGE;
	if (err == -ERANGE)
		pr_err("%s: %s is out of range; it takes %u..%u\n", called, val,
		       param->min, param->max);
	else if (err)
		pr_err("%s: \"%s\" is not a number; it takes %u..%u\n", called,
		       val ? val : "", param->min, param->max);
	return err;
}

/* The caches that debug= names, by comma; empty for all. */
static char hak_debug_caches[256];

/**
 * hak_debug_names() - is debug= for a cache?
 * @cache: its name
 *
 * Return: true if the parameter names it, or none.
 */
bool hak_debug_names(const char *cache)
{
	const char *name = hak_debug_caches;
	size_t n = strlen(cache);

	if (!*name)
		return true;
	for (; name; name = strchr(name, ',')) {
		name += *name == ',';
		if (!strncmp(name, cache, n) && (!name[n] || name[n] == ','))
			return true;
	}
	return false;
}

/* If @letter is one that only other kernels allow, say which. */
static void hak_param_explain_letter(const char *called, char letter)
{
	const char *option = NULL;

	if (letter == 'K' && !*HAK_LETTER_K)
		option = "CONFIG_KASAN_GENERIC";
	if (letter == 'A' && !*HAK_LETTER_A)
		option = "CONFIG_MEM_ALLOC_PROFILING";
	if (option)
		pr_err("%s: %c needs a kernel with %s\n", called, letter, option);
}

static int hak_param_parse_letters(const char *called, const char *val,
				   unsigned int *v)
{
	const char *s = val ? val : "", *letter, *names;
	char end[2] = "";

	if (s[0] == '-' && (!s[1] || s[1] == ',' || s[1] == '\n'))
		s++;
	for (*v = 0; *s && *s != ',' && *s != '\n'; s++) {
		letter = strchr(HAK_DEBUG_LETTERS, *s);
		if (!letter)
			break;
		*v |= BIT(strchr(HAK_DEBUG_ALL_LETTERS, *s) - HAK_DEBUG_ALL_LETTERS);
	}
	hak_param_explain_letter(called, *s);
	names = *s == ',' ? s + 1 : end;
	if (!val || s == val || (*s && *s != ',' && *s != '\n') ||
	    (*s == ',' && !*names) || strlen(names) >= sizeof(hak_debug_caches)) {
		pr_err("%s: \"%s\" is refused; it takes letters of " HAK_DEBUG_LETTERS
		       ", or - for none, and behind a comma up to %zu characters of cache names\n",
		       called, val ? val : "", sizeof(hak_debug_caches) - 1);
		return -EINVAL;
	}
	strscpy(hak_debug_caches, names, sizeof(hak_debug_caches));
	hak_debug_caches[strcspn(hak_debug_caches, "\n")] = '\0';
	return 0;
}

static int hak_param_show_letters(unsigned int v, char *buf, size_t size)
{
	unsigned int i;
	int n = 0;

	for (i = 0; HAK_DEBUG_ALL_LETTERS[i]; i++)
		if (v & BIT(i))
			n += scnprintf(buf + n, size - n, "%c", HAK_DEBUG_ALL_LETTERS[i]);
	return n + scnprintf(buf + n, size - n, "%s%s%s", n ? "" : "-",
			     *hak_debug_caches ? "," : "", hak_debug_caches);
}

/**
 * hak_param_set() - check a value and store it
 * @param: the table's entry
 * @called: the name of the setting where the value comes from, for messages
 * @val: the value as text, written as @param->kind requires
 *
 * Context: before hak_core_init() only.
 * Return: 0; -EINVAL if the text is no such value; -ERANGE if a number is out of
 * range. On an error the old value stays, and a message names @called and the
 * values it takes.
 */
int hak_param_set(const struct hak_param *param, const char *called,
		  const char *val)
{
	unsigned int v = 0;
	int err;

	if (param->kind == HAK_PARAM_bool)
		err = hak_param_parse_bool(called, val, &v);
	else if (param->kind == HAK_PARAM_letters)
		err = hak_param_parse_letters(called, val, &v);
	else
		err = hak_param_parse_uint(param, called, val, &v);
	if (!err)
		*param->value = v;
	return err;
}

/**
 * hak_param_show() - write a value as hak_param_set() would take it
 * @param: the table's entry
 * @buf: the buffer
 * @size: its size in bytes
 *
 * Return: characters written, without the terminating NUL.
 */
int hak_param_show(const struct hak_param *param, char *buf, size_t size)
{
	if (param->kind == HAK_PARAM_bool)
		return scnprintf(buf, size, "%c", *param->value ? 'Y' : 'N');
	if (param->kind == HAK_PARAM_letters)
		return hak_param_show_letters(*param->value, buf, size);
	return scnprintf(buf, size, "%u", *param->value);
}
