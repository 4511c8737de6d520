/** A line or steps through points, with its name in the key. */
export interface Series {
  name: string;
  colour: string;
  /** In units of the axes. */
  points: readonly (readonly [x: number, y: number])[];
  dashed?: boolean;
}

/** Bars that stand on each other, from the bottom up. */
export interface Stack {
  label: string;
  parts: readonly { height: number; colour: string }[];
}

export interface Axis {
  title: string;
  from: number;
  to: number;
  ticks: readonly (readonly [at: number, label: string])[];
  logarithmic?: boolean;
}

export interface Chart {
  title: string;
  x: Axis;
  y: Axis;
  series?: readonly Series[];
  /** At 1, 2, 3 … of the x axis. */
  stacks?: readonly Stack[];
  /** Names of colours that are no series. */
  key?: readonly { name: string; colour: string }[];
}

/** Colours that are told apart by everybody (Okabe and Ito), on white. */
export const COLOUR = {
  blue: '#0072b2',
  orange: '#e69f00',
  green: '#009e73',
  red: '#d55e00',
  grey: '#999999',
} as const;

const WIDTH = 640;
const HEIGHT = 320;
const LEFT = 60;
const RIGHT = 24;
const TOP = 62;
const BOTTOM = 46;

const round = (n: number): string => String(Math.round(n * 10) / 10);
const escaped = (what: string): string => what.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x: number, y: number, what: string, more = ''): string =>
  `<text x="${round(x)}" y="${round(y)}"${more}>${escaped(what)}</text>`;

const scale = ({ from, to, logarithmic }: Axis, low: number, high: number): ((value: number) => number) => {
  const of = logarithmic === true ? Math.log : (n: number) => n;
  return (value) => low + ((of(value) - of(from)) / (of(to) - of(from))) * (high - low);
};

/** A picture of a chart, as SVG: the same text for the same chart. */
export function svg({ title, x, y, series = [], stacks = [], key = [] }: Chart): string {
  const atX = scale(x, LEFT, WIDTH - RIGHT);
  const atY = scale(y, HEIGHT - BOTTOM, TOP);
  const middle = ' text-anchor="middle"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 20, title, ' font-size="14" font-weight="bold"'),
    ...names([...series, ...key]),
    ...y.ticks.flatMap(([at, label]) => [
      `<path d="M${LEFT} ${round(atY(at))}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      text(LEFT - 6, atY(at) + 4, label, ' text-anchor="end"'),
    ]),
    ...x.ticks.map(([at, label]) => text(atX(at), HEIGHT - BOTTOM + 16, label, middle)),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x.title, middle),
    text(
      14,
      (TOP + HEIGHT - BOTTOM) / 2,
      y.title,
      `${middle} transform="rotate(-90 14 ${round((TOP + HEIGHT - BOTTOM) / 2)})"`,
    ),
    ...stacks.flatMap((stack, i) => bars(stack, atX(i + 1), (atX(2) - atX(1)) * 0.7, atY)),
    ...series.map(
      ({ colour, points, dashed }) =>
        `<polyline fill="none" stroke="${colour}" stroke-width="2"${dashed === true ? ' stroke-dasharray="5 4"' : ''} points="${points.map(([px, py]) => `${round(atX(px))},${round(atY(py))}`).join(' ')}"/>`,
    ),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="#333"/>`,
    '</svg>',
    '',
  ].join('\n');
}

function names(all: readonly { name: string; colour: string }[]): string[] {
  let at = LEFT;
  return all.flatMap(({ name, colour }) => {
    const from = at;
    at += 34 + name.length * 7;
    return [
      `<path d="M${round(from)} 38h20" stroke="${colour}" stroke-width="4"/>`,
      text(from + 26, 42, name),
    ];
  });
}

function bars({ parts }: Stack, centre: number, width: number, atY: (value: number) => number): string[] {
  let from = 0;
  return parts.map(({ height, colour }) => {
    const [bottom, top] = [atY(from), atY(from + height)];
    from += height;
    return `<path d="M${round(centre - width / 2)} ${round(bottom)}h${round(width)}V${round(top)}h-${round(width)}z" fill="${colour}"/>`;
  });
}
