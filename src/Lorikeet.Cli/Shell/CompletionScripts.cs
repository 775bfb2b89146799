namespace Lorikeet.Cli.Shell;

/// <summary>
/// Scripts by which shells ask <c>completions --for</c> what completes a line; where that knows nothing, they offer
/// files.
/// </summary>
internal static class CompletionScripts
{
    private static readonly Dictionary<string, string> s_scripts = new()
    {
        ["bash"] = """
            # Completion of lorikeet in bash.
            _lorikeet() {
                local line="${COMP_LINE:0:COMP_POINT}" IFS=$'\n'
                [[ "$line" == *' '* ]] || return
                COMPREPLY=($("$1" completions --for="${line#* }" 2>/dev/null))
                # bash begins a word anew after =
                [[ "${line##* }" == --*=* && "$COMP_WORDBREAKS" == *=* ]] && COMPREPLY=("${COMPREPLY[@]#*=}")
            }
            complete -o default -F _lorikeet lorikeet
            """,
        ["zsh"] = """
            #compdef lorikeet
            # Completion of lorikeet in zsh.
            _lorikeet() {
                local -a found
                found=("${(@f)$("${words[1]}" completions --for="${(j: :)words[2,CURRENT]}" 2>/dev/null)}")
                compset -P '--*=' && found=("${found[@]#*=}")
                if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
            }
            if [[ "${funcstack[1]}" == _lorikeet ]]; then _lorikeet "$@"; else compdef _lorikeet lorikeet; fi
            """,
        ["fish"] = """
            # Completion of lorikeet in fish.
            function __lorikeet_complete
                set -l line (commandline -cp | string replace -r '^\s*\S+\s?' '')
                set -l program (commandline -opc)[1]
                set -l found ($program completions --for="$line" 2>/dev/null)
                if set -q found[1]
                    printf '%s\n' $found
                else
                    set -l word (commandline -ct)
                    set -l option (string match -r -- '^--[^=]+=' $word)
                    set -l path (string replace -r -- '^--[^=]+=' '' $word)
                    __fish_complete_path "$path" | string replace -r -- '^' "$option"
                end
            end
            complete -c lorikeet -f -a '(__lorikeet_complete)'
            """,
        ["powershell"] = """
            # Completion of lorikeet in PowerShell.
            Register-ArgumentCompleter -Native -CommandName lorikeet -ScriptBlock {
                param($word, $command, $position)
                $line = $command.ToString().PadRight($position).Substring(0, $position) -replace '^\S+\s?', ''
                & $command.CommandElements[0].Value completions "--for=$line" 2>$null | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    /// <summary>The shells there are scripts for.</summary>
    public static IReadOnlyCollection<string> Shells => s_scripts.Keys;

    /// <summary>The script of a shell.</summary>
    public static string For(string shell) => s_scripts[shell].ReplaceLineEndings("\n") + "\n";
}
