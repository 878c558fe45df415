// SPDX-License-Identifier: GPL-2.0
/*
 * The parameter table and the one place that checks a value.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "params.h"

#define HAK_PARAM_DEFINE(n, env, def, min, max, desc) \
	unsigned int hak_##n = (def);
HAK_PARAMS(HAK_PARAM_DEFINE)

#define HAK_PARAM_ENTRY(n, env, def, min, max, desc) \
	{ #n, env, &hak_##n, min, max, desc },
const struct hak_param hak_params[] = { HAK_PARAMS(HAK_PARAM_ENTRY) };

#define HAK_PARAM_COUNT(n, env, def, min, max, desc) + 1
const unsigned int hak_nr_params = 0 HAK_PARAMS(HAK_PARAM_COUNT);

/**
 * hak_param_find() - look a parameter up by its module name
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

/**
 * hak_param_set() - check a value and store it
 * @param: the table's entry
 * @val: text, a number in C notation
 *
 * Context: before hak_core_init() only.
 * Return: 0, -EINVAL for what is no number, -ERANGE for one out of range; on
 * error the old value stays and a message names the parameter and its range.
 */
int hak_param_set(const struct hak_param *param, const char *val)
{
	unsigned int v;

	if (!val || kstrtouint(val, 0, &v)) {
		pr_err("%s (%s): \"%s\" is not a number; it takes %u..%u\n",
		       param->name, param->env, val ? val : "",
		       param->min, param->max);
		return -EINVAL;
	}
	if (v < param->min || v > param->max) {
		pr_err("%s (%s): %u is out of range; it takes %u..%u\n",
		       param->name, param->env, v, param->min, param->max);
		return -ERANGE;
	}
	*param->value = v;
	return 0;
}
