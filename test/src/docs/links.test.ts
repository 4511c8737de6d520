import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repository } from '@spillway/testing';

const pages = ['README.md', 'deploy/README.md', ...globSync('docs/**/*.md', { cwd: repository })];

const read = (page: string): string => readFileSync(join(repository, page), 'utf8');

/** The ids that readers of Markdown give to headings. */
const anchors = (page: string): Set<string> =>
  new Set(
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );

/** Links of the text, those inside of code left out. */
const links = (page: string): string[] =>
  [
    ...read(page)
      .replaceAll(/^```[\s\S]*?^```/gm, '')
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));

describe('documents', () => {
  test.each(pages)('%s links to what exists', (page) => {
    const broken = links(page).filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(repository, target))) return true;
      return anchor !== undefined && target.endsWith('.md') && !anchors(target).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('the guide lists every one of its pages', () => {
    const listed = links('docs/guide/README.md');
    const missing = globSync('docs/guide/*.md', { cwd: repository })
      .map((page) => page.replace('docs/guide/', ''))
      .filter((page) => page !== 'README.md' && !listed.includes(page));
    expect(missing).toEqual([]);
  });
});
