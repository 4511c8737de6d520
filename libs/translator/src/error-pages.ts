import type {
  FilledErrorPage,
  FilledErrorPageBody,
  FilledErrorPageProfile,
  FilledHTTPStatusMatch,
} from '@spillway/model';
import { ErrorPage } from '@spillway/snapshot';
import { follow } from './read.js';
import { type Lookup, type Problem, warning } from './types.js';

const CONTENT_TYPE = {
  ERROR_PAGE_FORMAT_HTML: 'text/html',
  ERROR_PAGE_FORMAT_JSON: 'application/json',
} as const satisfies Record<FilledErrorPageBody['format'], string>;

/** The pages of a profile in their order; one that cannot be sent is left out with a warning. */
export function errorPagesOf(ref: string | undefined, lookup: Lookup, problems: Problem[]): ErrorPage[] {
  if (ref === undefined) return [];
  const profile = follow(lookup, ref, 'errorpageprofile');
  const unusable = (path: string, text: string): void =>
    void problems.push(warning('PROFILE_PART_UNUSABLE', path, text));
  if (profile === undefined) {
    unusable('error_page_profile_ref', `error page profile ${ref} does not exist; plain texts are sent`);
    return [];
  }
  const listed = (profile.spec as FilledErrorPageProfile).error_pages ?? [];
  return [...listed.entries()]
    .filter(([, page]) => page.enable)
    .sort(([, a], [, b]) => (a.index ?? 0) - (b.index ?? 0))
    .flatMap(([i, page]) => {
      const answer = answerOf(page, lookup);
      const parsed = typeof answer === 'string' ? undefined : ErrorPage.safeParse(pageOf(page, answer));
      if (parsed?.success === true) return [parsed.data];
      const reason = typeof answer === 'string' ? answer : parsed?.error?.issues[0]?.message;
      unusable(`error_page_profile_ref.error_pages[${i}]`, `${reason ?? 'not valid'}; the page is not sent`);
      return [];
    })
    .slice(0, 64);
}

function pageOf(page: FilledErrorPage, answer: ErrorPage['answer']): ErrorPage {
  return { statuses: statusesOf(page.match), negate: page.match?.match_criteria === 'IS_NOT_IN', answer };
}

/** Without a match a page is for every error. */
function statusesOf(match: FilledHTTPStatusMatch | undefined): ErrorPage['statuses'] {
  if (match === undefined) return [{ from: 400, to: 999 }];
  return [
    ...(match.status_codes ?? []).map((code) => ({ from: code, to: code })),
    ...(match.ranges ?? []).map(({ begin, end }) => ({ from: begin, to: end })),
  ];
}

/** What is sent, or why nothing can be. */
function answerOf(page: FilledErrorPage, lookup: Lookup): ErrorPage['answer'] | string {
  if (page.error_page_body_ref !== undefined) {
    const body = follow(lookup, page.error_page_body_ref, 'errorpagebody')?.spec as
      | FilledErrorPageBody
      | undefined;
    if (body === undefined) return `error page body ${page.error_page_body_ref} does not exist`;
    return { type: 'page', content_type: CONTENT_TYPE[body.format], body: body.error_page_body };
  }
  if (page.error_redirect !== undefined) return { type: 'redirect', location: page.error_redirect };
  return 'the page has neither error_page_body_ref nor error_redirect';
}
