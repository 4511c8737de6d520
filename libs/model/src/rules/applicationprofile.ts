import type { FieldError } from '../errors.js';
import type { FilledCompressionProfile, FilledTypes } from '../generated/filled.js';
import { refuse, type Rule } from './rule.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;
/** Service engines write these themselves, or take them out. */
const RESERVED =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** Headers that can be set, and a compression that makes sense. */
export const applicationProfileRules: Rule<'applicationprofile'> = ({ http_profile: http }) => {
  if (http === undefined) return [];
  const path = 'http_profile';
  const certificate = http.ssl_client_certificate_action?.headers ?? [];
  return [
    ...header(`${path}.xff_alternate_name`, http.xff_alternate_name),
    ...header(`${path}.request_id_header`, http.request_id_header),
    ...(http.true_client_ip?.headers ?? []).flatMap((name, i) =>
      header(`${path}.true_client_ip.headers[${i}]`, name),
    ),
    ...certificate.flatMap(({ request_header: name }, i) =>
      header(`${path}.ssl_client_certificate_action.headers[${i}].request_header`, name),
    ),
    ...(http.compression_profile === undefined
      ? []
      : compression(http.compression_profile, `${path}.compression_profile`)),
  ];
};

function header(field: string, name: string | undefined): FieldError[] {
  if (name === undefined || name === '') return [];
  if (!TOKEN.test(name))
    return [
      refuse(
        field,
        `${JSON.stringify(name)} is not a header name`,
        'Use up to 128 letters, digits and hyphens, such as X-Client',
        name,
      ),
    ];
  if (RESERVED.test(name))
    return [
      refuse(
        field,
        `${name} is set by service engines themselves`,
        'Choose another name, such as X-Client',
        name,
      ),
    ];
  return [];
}

function compression(profile: FilledCompressionProfile, path: string): FieldError[] {
  const { max_low_rtt: low, min_high_rtt: high } = profile;
  const levels = (['level_normal', 'level_aggressive'] as const).flatMap((field) => {
    const level = profile[field];
    return level >= 1 && level <= 9
      ? []
      : [refuse(`${path}.${field}`, `${level} is not a level`, 'Set it to an integer from 1 to 9', level)];
  });
  return low <= high
    ? levels
    : [
        ...levels,
        refuse(
          `${path}.min_high_rtt`,
          `${high} ms is below max_low_rtt, ${low} ms`,
          `Set it to ${low} or more`,
          high,
        ),
      ];
}

/** Each page says what to send. */
export const errorPageProfileRules: Rule<'errorpageprofile'> = ({ error_pages: pages }) =>
  (pages ?? []).flatMap((page, i) => pageRules(page, `error_pages[${i}]`));

type Page = NonNullable<FilledTypes['errorpageprofile']['error_pages']>[number];

function pageRules(
  { error_page_body_ref: body, error_redirect: redirect }: Page,
  path: string,
): FieldError[] {
  if (body === undefined && redirect === undefined)
    return [
      refuse(`${path}.error_page_body_ref`, 'the page has nothing to send', 'Set it, or error_redirect'),
    ];
  if (redirect === undefined || /^[\x21-\x7e]{1,2048}$/.test(redirect)) return [];
  return [
    refuse(
      `${path}.error_redirect`,
      `${JSON.stringify(redirect)} cannot be a Location`,
      'Use printable ASCII without spaces; encode the rest with %XX',
      redirect,
    ),
  ];
}
