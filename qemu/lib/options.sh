# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The option parser of all shell scripts. A script declares its options in a
# table; parse_options() then checks every argument before the script does
# anything, and ends it with status 2 and a message that names the option and
# what it takes. --help prints the comment at the top of the script and the
# table. An option is written --name=VALUE or --name VALUE. Sourced, never run.
#
#   option NAME VALUE KIND DEFAULT HELP
#       declares --NAME; VALUE is its value's name in the help. The value is then
#       in ${opt[NAME]}, as y for a flag, and ${given[NAME]} is set if the option
#       was given. With a + before KIND the option may be repeated, and its values
#       are in the array all_NAME of the script.
#   pass_on ARRAY
#       the options that are declared after this are also put into the script's
#       array ARRAY as they were given, so that the script can pass them on.
#   operand NAME KIND LEAST MOST HELP
#       declares the arguments that are no options; they are then in ${operands[@]}.
#       KIND "command" stands for everything after --.
#
# Kinds are listed in takes().

# Read by the scripts.
# shellcheck disable=SC2034
declare -A opt=() given=()
operands=()

declare -A option_kind=() option_pass=() option_help=() option_value=() option_default=()
option_names=()
option_passed_to=
operand_name='' operand_kind='' operand_least=0 operand_most=0 operand_help=''

option() {
	local name=$1
	option_names+=("$name")
	option_value[$name]=$2
	option_kind[$name]=$3
	option_default[$name]=$4
	option_help[$name]=$5
	option_pass[$name]=$option_passed_to
	opt[$name]=$4
	[[ $3 != +* ]] || declare -ga "all_${name//-/_}=()"
}

pass_on() { option_passed_to=${1-}; }

operand() {
	operand_name=$1 operand_kind=$2 operand_least=$3 operand_most=$4 operand_help=$5
}

# Ends the script because of its arguments, before it has done anything.
usage_error() {
	printf "%s: %s; see %s --help\n" "${0##*/}" "$*" "$0" >&2
	exit 2
}

# exclusive NAME...: at most one of these options may be given.
exclusive() {
	local name seen=
	for name; do
		[[ ${given[$name]-} ]] || continue
		[[ ! $seen ]] || usage_error "--$seen and --$name exclude each other"
		seen=$name
	done
}

# Prints the words of a list A,B,C as A, B or C.
words_of() {
	local words=${1//,/, }
	[[ $1 != *,* ]] || words="${words%, *} or ${words##*, }"
	printf '%s\n' "$words"
}

# Prints what a value of KIND has to be.
takes() {
	local range=${1#*:}
	case ${1#+} in
	text)      echo 'any text' ;;
	name)      echo 'a name' ;;
	number:*..) echo "a whole number from ${range%..}" ;;
	number:*..*) echo "a whole number from ${range%..*} to ${range#*..}" ;;
	seconds)   echo 'a number above 0' ;;
	one:*)     words_of "$range" ;;
	list:*)    echo "some of $(words_of "$range"), separated by commas" ;;
	names)     echo 'names, separated by commas' ;;
	kernel)    echo 'newest, a version such as 6.12, or the path of a source tree, with a slash in it' ;;
	size)      echo 'a whole number with M or G, such as 512M' ;;
	nodes)     echo 'a number N of memory nodes, or N+M for M more without memory' ;;
	regex)     echo 'a regular expression' ;;
	file)      echo 'a file that can be read' ;;
	path)      echo 'a file or directory that is there' ;;
	program)   echo 'a program that is there' ;;
	dir)       echo 'a directory that is there' ;;
	newfile)   echo 'a file in a directory that is there' ;;
	newdir)    echo 'a directory, which is made if it is not there' ;;
	make)      echo "a setting for make: $(words_of "$MAKE_VARIABLES")" ;;
	command)   echo 'a command, after --' ;;
	*)         echo "options.sh: no kind '$1'" >&2; exit 3 ;;
	esac
}

MAKE_VARIABLES=HAK_CHECKS=0,HAK_CHECKS=1,W=LEVELS,C=0,C=1,C=2,V=0,V=1,V=2,ARCH=um,ARCH=x86,ARCH=arm64,CROSS_COMPILE=aarch64-linux-gnu-

in_list() { [[ ,$1, == *,"$2",* && $2 != *,* && $2 ]]; }

# Could DIR be made, or is it there?
can_be_made() {
	local dir=$1
	[[ $dir ]] || return 1
	while [[ ! -e $dir ]]; do
		case $dir in
		*/*) dir=${dir%/*} ;;
		*) dir=. ;;
		esac
		dir=${dir:-/}
	done
	[[ -d $dir && -w $dir ]]
}

# A status of 2 says that the expression is none.
is_regex() {
	local status=0
	[[ $1 ]] || return 1
	grep -Eq -e "$1" </dev/null 2>/dev/null || status=$?
	[[ $status -ne 2 ]]
}

is_kernel() {
	case $1 in
	newest) ;;
	*/*|.)  [[ -f $1/Kbuild && -f $1/kernel/fork.c ]] ;;
	*)      [[ $1 =~ ^[0-9]+\.[0-9]+$ ]] ;;
	esac
}

# Ten digits fit shell arithmetic, and no leading zero makes a number octal.
is_number() {
	local least=${2%..*} most=${2#*..}
	[[ $1 =~ ^(0|[1-9][0-9]{0,9})$ ]] && (($1 >= least)) && [[ ! $most || $1 -le $most ]]
}

# Is VALUE of KIND?
is_kind() {
	local kind=${1#+} value=$2
	case $kind in
	text)     ;;
	name)     [[ $value && $value != *$'\n'* ]] ;;
	number:*) is_number "$value" "${kind#*:}" ;;
	seconds)  [[ $value =~ ^[0-9]{1,9}(\.[0-9]{1,9})?$ && $value =~ [1-9] ]] ;;
	one:*)    in_list "${kind#*:}" "$value" ;;
	list:*)
		local word words
		IFS=, read -ra words <<<"$value"
		[[ $value && $value != *, ]] || return 1
		for word in "${words[@]}"; do
			in_list "${kind#*:}" "$word" || return 1
		done ;;
	names)    [[ $value =~ ^[a-z0-9_]+(,[a-z0-9_]+)*$ ]] ;;
	kernel)   is_kernel "$value" ;;
	size)     [[ $value =~ ^[1-9][0-9]{0,6}[MG]$ ]] ;;
	nodes)    [[ $value =~ ^[0-9]{1,2}(\+[0-9]{1,2})?$ ]] ;;
	regex)    is_regex "$value" ;;
	file)     [[ -f $value && -r $value ]] ;;
	path)     [[ -e $value ]] ;;
	program)  [[ -f $value && -x $value ]] ;;
	dir)      [[ -d $value ]] ;;
	newfile)  [[ $value == */* ]] || value=./$value
		  [[ -d ${value%/*}/ && ! -d $value ]] ;;
	newdir)   can_be_made "$value" ;;
	make)     in_list "$MAKE_VARIABLES" "$value" || [[ $value =~ ^W=[123ce]+$ ]] ;;
	*)        takes "$kind" ;;
	esac
}

# check_value WHAT KIND VALUE: if VALUE is not of KIND, ends the script with a message
# that names WHAT.
check_value() {
	is_kind "$2" "$3" || usage_error "$1 takes $(takes "$2"), not '$3'"
}

# print_entry FORM TEXT: prints them in two columns. If TEXT has several lines, each of
# which explains a value, they are below FORM.
print_entry() {
	local form=$1 line
	if [[ $2 == *$'\n'* ]]; then
		printf '  %s\n' "$form"
		printf '      %s\n' "${2//$'\n'/$'\n      '}"
		return
	fi
	if [[ ${#form} -gt 17 ]]; then
		printf '  %s\n' "$form"
		form=
	fi
	local words word
	read -ra words <<<"$2"
	line=${words[0]-}
	for word in "${words[@]:1}"; do
		if ((${#line} + 1 + ${#word} <= 58)); then
			line+=" $word"
			continue
		fi
		printf '  %-18s %s\n' "$form" "$line"
		form=
		line=$word
	done
	printf '  %-18s %s\n' "$form" "$line"
}

print_option() {
	local name=$1 kind=${option_kind[$1]} text=${option_help[$1]} form=--$1
	if [[ $kind != flag ]]; then
		form+=${option_value[$name]:+=${option_value[$name]}}
		case $text$kind in
		*$'\n'*) ;;
		*one:*|*list:*|*number:*) text+=": $(takes "$kind")" ;;
		esac
		case $text in
		*$'\n'*) form+="${option_default[$name]:+  (default ${option_default[$name]})}" ;;
		*)       text+="${option_default[$name]:+ (default ${option_default[$name]})}" ;;
		esac
		[[ $kind != +* ]] || text+='; repeatable'
	fi
	print_entry "$form" "$text"
}

# Prints the comment at the top of the script, and the table.
usage() {
	local name
	sed -n '4,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"
	echo
	for name in "${option_names[@]}"; do
		print_option "$name"
	done
	[[ ! $operand_help ]] || print_entry "$operand_name" "$operand_help"
	print_entry --help 'this text'
}

no_option() {
	local names=
	[[ ${#option_names[@]} -eq 0 ]] || names="; there are: $(printf -- '--%s ' "${option_names[@]}")--help"
	printf "%s: no option '%s'%s\n" "${0##*/}" "$1" "${names:-; see $0 --help}" >&2
	exit 2
}

# set_option NAME VALUE
set_option() {
	local name=$1 value=$2 kind=${option_kind[$1]}
	[[ $kind == flag ]] || check_value "--$name" "$kind" "$value"
	opt[$name]=$value
	given[$name]=y
	if [[ $kind == +* ]]; then
		local -n all_values=all_${name//-/_}
		all_values+=("$value")
	fi
	if [[ ${option_pass[$name]} ]]; then
		local -n passed_on=${option_pass[$name]}
		if [[ $kind == flag ]]; then passed_on+=("--$name"); else passed_on+=("--$name=$value"); fi
	fi
}

add_operand() {
	[[ $operand_kind && $operand_kind != command ]] ||
		usage_error "one argument too many: '$1'${operand_kind:+; a command goes after --}"
	check_value "$operand_name" "$operand_kind" "$1"
	operands+=("$1")
	[[ ${#operands[@]} -le $operand_most ]] || usage_error "one argument too many: '$1'"
}

# Answers --help at any place among the arguments, except in a command for the guest.
answer_help() {
	local arg
	for arg; do
		case $arg in
		--) return ;;
		-h|--help) usage; exit 0 ;;
		esac
	done
}

# Ends a script whose own table is wrong: a default has to be of its kind, or the script
# would refuse that value from its user. Whether a file is there, or a kernel's source,
# depends on the machine, so those kinds are left out.
check_defaults() {
	local name kind value
	for name in "${option_names[@]}"; do
		kind=${option_kind[$name]#+} value=${option_default[$name]}
		case $kind in
		flag|kernel|file|path|program|dir|newfile|newdir) continue ;;
		esac
		[[ $value ]] || continue
		is_kind "$kind" "$value" && continue
		echo "${0##*/}: --$name: the default '$value' is not of the kind $kind" >&2
		exit 3
	done
}

parse_options() {
	local arg name
	check_defaults
	answer_help "$@"
	while [[ $# -gt 0 ]]; do
		arg=$1
		shift
		name=${arg#--}
		name=${name%%=*}
		case $arg in
		--)
			[[ $operand_kind == command ]] || no_option "$arg"
			operands=("$@")
			break ;;
		--?*) ;;
		-?*) no_option "$arg" ;;
		*)
			add_operand "$arg"
			continue ;;
		esac
		[[ $name && ${option_kind[$name]-} ]] || no_option "--$name"
		if [[ ${option_kind[$name]} == flag ]]; then
			[[ $arg != *=* ]] || usage_error "--$name takes no value"
			set_option "$name" y
		elif [[ $arg == *=* ]]; then
			set_option "$name" "${arg#*=}"
		else
			[[ $# -gt 0 ]] || usage_error "--$name needs a value: $(takes "${option_kind[$name]}")"
			set_option "$name" "$1"
			shift
		fi
	done
	[[ ${#operands[@]} -ge $operand_least ]] || usage_error "$operand_name is missing"
}
