export type Labels = Record<string, string>;
/** Labels, value, and what is added to the name of the family. */
export type Sample = [Labels, number, string?];

const escape = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

type Type = 'counter' | 'gauge' | 'histogram' | 'summary';

/** The lines of one metric, for Prometheus; none without samples. */
export function family(name: string, type: Type, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value, suffix = '']) => {
    const text = Object.entries(labels)
      .map(([k, v]) => `${k}="${escape(v)}"`)
      .join(',');
    return `${name}${suffix}${text === '' ? '' : `{${text}}`} ${value}`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
}
