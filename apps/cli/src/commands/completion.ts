import { Argument, Command } from 'commander';

/** A completion script made from the command tree itself, so that it cannot fall behind. */
export function completion(root: () => Command): Command {
  return new Command('completion')
    .description('print a completion script: eval "$(spillway completion bash)"')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .action((shell: string) => {
      console.log(
        shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash(root())}` : bash(root()),
      );
    });
}

const KINDS =
  'virtualservice pool poolgroup vsvip serviceengine serviceenginegroup healthmonitor operation tenant user role cloud';

function bash(root: Command): string {
  const cases = root.commands
    .map((c) => {
      const words = [...c.options.map((o) => o.long ?? ''), ...c.commands.map((s) => s.name())];
      const takesKind = c.registeredArguments.some((a) => a.name() === 'kind');
      return `    ${c.name()}) words="${[...words, takesKind ? KINDS : ''].filter(Boolean).join(' ')}" ;;`;
    })
    .join('\n');
  return `_spillway() {
  local words="" verb="\${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then words="up down status logs test engine ${root.commands.map((c) => c.name()).join(' ')}"; fi
  if [ "$COMP_CWORD" -gt 1 ]; then case "$verb" in
${cases}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _spillway spillway ./spillway`;
}
