// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: a formatter that neither allocates nor locks, so that a crash
 * handler and malloc() itself can use it, and write(2) to stderr.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bug.h>
#include <linux/ktime.h>
#include <linux/panic.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sprintf.h>
#include <linux/time64.h>

#include "shim.h"

#define LINE_MAX_LEN	1024

int shim_warnings;

struct out {
	char *buf;
	size_t size;	/* room, the final NUL included */
	size_t len;	/* characters so far, those that did not fit included */
};

struct spec {
	bool left, zero, plus, space, alt, upper;
	int width, precision;	/* precision < 0: no precision was given */
	char size;		/* h, H (hh), l, L (ll), z, t, j or 0 */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, int n, char c)
{
	while (n-- > 0)
		put(o, c);
}

static void put_field(struct out *o, const struct spec *s, const char *str,
		      int len)
{
	if (!s->left)
		pad(o, s->width - len, ' ');
	for (int i = 0; i < len; i++)
		put(o, str[i]);
	if (s->left)
		pad(o, s->width - len, ' ');
}

static void put_number(struct out *o, struct spec *s, unsigned long long v,
		       bool negative, unsigned int base)
{
	const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[96], *p = tmp + sizeof(tmp);
	bool nonzero = v;
	int n = 0;

	do {
		*--p = digits[v % base];
		v /= base;
		n++;
	} while (v);
	if (s->precision < 0 && s->zero && !s->left)
		s->precision = s->width - (negative || s->plus || s->space) -
			       (s->alt && base == 16 ? 2 : 0);
	while (n < s->precision && n < 64) {
		*--p = '0';
		n++;
	}
	if (s->alt && base == 16 && nonzero) {
		*--p = s->upper ? 'X' : 'x';
		*--p = '0';
		n += 2;
	}
	if (negative || s->plus || s->space) {
		*--p = negative ? '-' : s->plus ? '+' : ' ';
		n++;
	}
	put_field(o, s, p, n);
}

static const char *parse_spec(struct spec *s, const char *f, va_list *ap)
{
	*s = (struct spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '+')
			s->plus = true;
		else if (*f == ' ')
			s->space = true;
		else if (*f == '#')
			s->alt = true;
		else
			break;
	}
	if (*f == '*') {
		s->width = va_arg(*ap, int);
		f++;
	}
	while (*f >= '0' && *f <= '9')
		s->width = s->width * 10 + (*f++ - '0');
	if (*f == '.') {
		s->precision = 0;
		if (*++f == '*') {
			s->precision = va_arg(*ap, int);
			f++;
		}
		while (*f >= '0' && *f <= '9')
			s->precision = s->precision * 10 + (*f++ - '0');
	}
	for (; strchr("hlzjt", *f) && *f; f++)
		s->size = s->size == *f ? *f - 'a' + 'A' : *f;
	return f;
}

static unsigned long long get_unsigned(const struct spec *s, va_list *ap)
{
	if (s->size && s->size != 'h' && s->size != 'H')
		return va_arg(*ap, unsigned long long);
	return va_arg(*ap, unsigned int);
}

static long long get_signed(const struct spec *s, va_list *ap)
{
	if (s->size && s->size != 'h' && s->size != 'H')
		return va_arg(*ap, long long);
	return va_arg(*ap, int);
}

static const char *put_conversion(struct out *o, struct spec *s, const char *f,
				  va_list *ap)
{
	const char *str;
	long long v;
	char c;

	switch (*f) {
	case 'd':
	case 'i':
		v = get_signed(s, ap);
		put_number(o, s, v < 0 ? -(unsigned long long)v : v, v < 0, 10);
		break;
	case 'u':
		put_number(o, s, get_unsigned(s, ap), false, 10);
		break;
	case 'o':
		put_number(o, s, get_unsigned(s, ap), false, 8);
		break;
	case 'X':
		s->upper = true;
		fallthrough;
	case 'x':
		put_number(o, s, get_unsigned(s, ap), false, 16);
		break;
	case 'p':
		/* %pS, %px, ...: always the address. */
		while (f[1] && strchr("sSfFbBxKeh", f[1]))
			f++;
		s->alt = true;
		put_number(o, s, (unsigned long)va_arg(*ap, void *), false, 16);
		break;
	case 's':
		str = va_arg(*ap, const char *);
		if (!str)
			str = "(null)";
		put_field(o, s, str, s->precision < 0 ? strlen(str) :
				     strnlen(str, s->precision));
		break;
	case 'c':
		c = va_arg(*ap, int);
		put_field(o, s, &c, 1);
		break;
	case '\0':
		return f - 1;
	default:
		put(o, *f);
		break;
	}
	return f;
}

static size_t format(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };
	struct spec s;
	va_list ap;

	va_copy(ap, args);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(&s, fmt + 1, &ap);
		fmt = put_conversion(&o, &s, fmt, &ap);
	}
	va_end(ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return o.len;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	size_t n;

	if (!size)
		return 0;
	n = format(buf, size, fmt, args);
	return n < size ? n : size - 1;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

static void print(const char *fmt, va_list args)
{
	char line[LINE_MAX_LEN];
	int n = vscnprintf(line, sizeof(line), fmt, args);

	shim_write(STDERR_FILENO, line, n);
}

int _printk(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print(fmt, args);
	va_end(args);
	return 0;
}

void shim_warn(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	__atomic_fetch_add(&shim_warnings, 1, __ATOMIC_RELAXED);
	_printk("WARNING: %s:%d: ", file, line);
	va_start(args, fmt);
	print(fmt, args);
	va_end(args);
}

void __noreturn shim_bug(const char *file, int line, const char *what)
{
	_printk("BUG: %s:%d: %s\n", file, line, what);
	abort();
}

void __noreturn panic(const char *fmt, ...)
{
	va_list args;

	_printk("panic: ");
	va_start(args, fmt);
	print(fmt, args);
	va_end(args);
	abort();
}

/* A race between threads prints or drops at most one message. */
bool shim_ratelimit_ok(struct shim_ratelimit *rs)
{
	u64 now = ktime_get_coarse_ns();

	if (now - READ_ONCE(rs->begin) > 5 * NSEC_PER_SEC) {
		WRITE_ONCE(rs->begin, now);
		WRITE_ONCE(rs->printed, 0);
	}
	return __atomic_fetch_add(&rs->printed, 1, __ATOMIC_RELAXED) < 10;
}

#ifdef HAK_SHIM_DEBUG
__thread int shim_preempt_depth;
__thread enum shim_context shim_context;
__thread unsigned long shim_irqs_off;
bool shim_pr_debug;

void shim_preempt_underflow(void)
{
	pr_emerg("preempt_enable() without preempt_disable()\n");
	abort();
}

void shim_preemption_on(const char *file, int line)
{
	pr_emerg("%s:%d: preemption is to be off\n", file, line);
	abort();
}

void shim_irqs_are_off(const char *file, int line)
{
	pr_emerg("%s:%d: interrupts are to be on\n", file, line);
	abort();
}

void shim_might_sleep(const char *file, int line)
{
	if (likely(!shim_preempt_depth && !shim_irqs_off && in_task()))
		return;
	pr_emerg("%s:%d: sleeping in atomic context (preempt %d, irqs %s, context %d)\n",
		 file, line, shim_preempt_depth, shim_irqs_off ? "off" : "on",
		 shim_context);
	abort();
}
#endif
