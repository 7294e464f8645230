# Completion of stratactl for bash.
# tests/system/watch/completion.py compares the words with `stratactl --help`.

_stratactl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='status watch events health metrics segments persona customer evaluation quality manifest assign explain
                    stop checkpoint pause resume cancel set'
    local options='--run --endpoint --keys --json --timeout --wait --help --version'
    local settings='tolerance= max_iter= drop= freeze= log_level='
    local command='' i

    # bash takes `=` for a word of its own
    if [[ $before == = && ${COMP_WORDS[COMP_CWORD - 2]} == log_level ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'error warn info debug' -- "$word")
        return
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -r | --run | -e | --endpoint | -k | --keys | -t | --timeout | -w | --wait) ((i++)) ;;
        -*) ;;
        *) command=${COMP_WORDS[i]} && break ;;
        esac
    done
    case $before in
    -r | --run | -k | --keys) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    -e | --endpoint | -t | --timeout | -w | --wait) return ;;
    esac
    case $command in
    '') ;;
    set)
        mapfile -t COMPREPLY < <(compgen -W "$settings" -- "$word")
        compopt -o nospace 2>/dev/null
        return
        ;;
    assign | explain) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    *) return ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
    fi
}
complete -o filenames -F _stratactl stratactl
