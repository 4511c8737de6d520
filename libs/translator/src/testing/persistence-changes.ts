import type { Change } from './policy-changes.js';

const AT = 'http_cookie_persistence_profile';
const key = (name: string): object => ({ name, aes_key: `${name}-secret`, hmac_key: `${name}-other` });

/** Profiles of the world in which each honoured field is changed; the first one is in use. */
export const PERSISTENCE_OBJECTS: readonly (readonly [uuid: string, spec: object])[] = [
  [
    'applicationpersistenceprofile-1',
    {
      // Its pool serves layer 4 too.
      persistence_type: 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS',
      [AT]: { cookie_name: 'ABC', key: [key('a'), key('b')] },
      ip_persistence_profile: {},
      app_cookie_persistence_profile: { prst_hdr_name: 'SID' },
      hdr_persistence_profile: { prst_hdr_name: 'X-Server' },
    },
  ],
  ['applicationpersistenceprofile-2', { persistence_type: 'PERSISTENCE_TYPE_TLS' }],
];

const given = (type: string): Record<string, unknown> => ({ persistence_type: `PERSISTENCE_TYPE_${type}` });
const COOKIE = given('HTTP_COOKIE');
const APP = given('APP_COOKIE');
const HEADER = given('CUSTOM_HTTP_HEADER');

const typed = (type: string, from: Record<string, unknown> = {}): Record<string, Change> => ({
  [`persistence_type=PERSISTENCE_TYPE_${type}`]: { to: `PERSISTENCE_TYPE_${type}`, given: from },
});

export const PERSISTENCE_CHANGES: Record<string, Change> = {
  ...typed('HTTP_COOKIE'),
  ...typed('APP_COOKIE'),
  ...typed('CLIENT_IP_ADDRESS', COOKIE),
  ...typed('CLIENT_IPV6_ADDRESS', COOKIE),
  ...typed('TLS'),
  ...typed('CUSTOM_HTTP_HEADER'),
  server_hm_down_recovery: { to: 'HM_DOWN_ABORT_CONNECTION' },
  [`${AT}.cookie_name`]: { to: 'XYZ', given: COOKIE },
  [`${AT}.encryption_key`]: { to: 'b', given: COOKIE },
  [`${AT}.key[].name`]: { to: 'c', given: COOKIE },
  [`${AT}.key[].aes_key`]: { to: 'other', given: COOKIE },
  [`${AT}.key[].hmac_key`]: { to: 'other', given: COOKIE },
  [`${AT}.timeout`]: { to: 15, given: COOKIE },
  [`${AT}.http_only`]: { to: true, given: COOKIE },
  [`${AT}.is_persistent_cookie`]: { to: true, given: COOKIE },
  [`${AT}.always_send_cookie`]: { to: true, given: COOKIE },
  'app_cookie_persistence_profile.prst_hdr_name': { to: 'OTHER', given: APP },
  'app_cookie_persistence_profile.timeout': { to: 7, given: APP },
  'ip_persistence_profile.ip_mask': { to: 24 },
  'ip_persistence_profile.ip_persistent_timeout': { to: 7 },
  'hdr_persistence_profile.prst_hdr_name': { to: 'X-Other', given: HEADER },
};
