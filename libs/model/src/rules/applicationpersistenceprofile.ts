import type { FieldError } from '../errors.js';
import type { FilledApplicationPersistenceProfile } from '../generated/filled.js';
import { refuse, refuseDuplicates, type Rule } from './rule.js';

type Profile = FilledApplicationPersistenceProfile;

const TOKEN = /^[!#$%&'*+\-.^_`|~\da-z]{1,128}$/i;
/** Characters: 16 bytes in base64 have 24. */
const SHORTEST_KEY = 24;

const isToken = (name: string): boolean => TOKEN.test(name);

/** What cannot be a name, or is missing where it is needed. */
function named(field: string, what: string, name: string | undefined): FieldError[] {
  if (name !== undefined && isToken(name)) return [];
  const problem =
    name === undefined || name === ''
      ? `it needs the name of ${what}`
      : `${JSON.stringify(name)} is no name of ${what}`;
  return [refuse(field, problem, "Use letters, digits and !#$%&'*+-.^_`|~, at most 128", name)];
}

function httpCookie({ http_cookie_persistence_profile: cookie }: Profile): FieldError[] {
  if (cookie === undefined) return [];
  const at = 'http_cookie_persistence_profile';
  const keys = cookie.key ?? [];
  const { cookie_name: name, encryption_key: writes } = cookie;
  return [
    ...(name === undefined || name === '' ? [] : named(`${at}.cookie_name`, 'a cookie', name)),
    ...refuseDuplicates(`${at}.key`, keys, (k) => k.name ?? '', 'name'),
    ...keys.flatMap(({ aes_key: key }, i) =>
      // One without stands for a key that a reply or an export did not show: the controller has it, or makes its own.
      key === undefined || key.length >= SHORTEST_KEY
        ? []
        : [
            refuse(
              `${at}.key[${i}].aes_key`,
              `${key.length} characters are too few for a key`,
              'Set it to 32 random bytes in base64, for example of `openssl rand -base64 32`, or leave out key: the controller makes its own',
            ),
          ],
    ),
    ...(writes === undefined || writes === '' || keys.some((k) => k.name === writes)
      ? []
      : [
          refuse(
            `${at}.encryption_key`,
            `${JSON.stringify(writes)} is the name of no key in ${at}.key`,
            keys.length === 0
              ? 'Remove it, or add the key'
              : `Set it to ${JSON.stringify(keys[0]?.name)}, or remove it`,
            writes,
          ),
        ]),
  ];
}

export const applicationPersistenceProfileRules: Rule<'applicationpersistenceprofile'> = (profile) => {
  switch (profile.persistence_type) {
    case 'PERSISTENCE_TYPE_HTTP_COOKIE':
      return httpCookie(profile);
    case 'PERSISTENCE_TYPE_APP_COOKIE':
      return named(
        'app_cookie_persistence_profile.prst_hdr_name',
        'a cookie',
        profile.app_cookie_persistence_profile?.prst_hdr_name,
      );
    case 'PERSISTENCE_TYPE_CUSTOM_HTTP_HEADER':
      return named(
        'hdr_persistence_profile.prst_hdr_name',
        'a header',
        profile.hdr_persistence_profile?.prst_hdr_name,
      );
    case 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS':
    case 'PERSISTENCE_TYPE_CLIENT_IPV6_ADDRESS':
    case 'PERSISTENCE_TYPE_TLS':
    case 'PERSISTENCE_TYPE_GSLB_SITE':
      break;
  }
  return [];
};
