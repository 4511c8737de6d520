import type { HttpProfile, VirtualService } from '@spillway/snapshot';
import type { SomeRules } from '../rules.js';
import { CompressionRules } from '../compression/rules.js';
import { CertificateHeaders } from './certificate-headers.js';
import { cookieFlags } from './cookies.js';
import { ErrorPages, rememberHost } from './error-pages.js';
import { Hsts } from './hsts.js';
import { HttpsLocations } from './https-locations.js';
import { httpsRedirect } from './https-redirect.js';
import { forwardedProto } from './forwarded-proto.js';
import { RequestId } from './request-id.js';
import { TrueClientIp } from './true-client-ip.js';

/** What of a profile comes before policies: they see the true client. */
export function entryFeatures(http: HttpProfile): SomeRules[] {
  const features: SomeRules[] = [];
  if (http.true_client_ip !== undefined) features.push(new TrueClientIp(http.true_client_ip));
  if (http.request_id !== undefined) features.push(new RequestId(http.request_id));
  if (http.error_pages !== undefined) features.push(rememberHost);
  return features;
}

/** Where a request is to come by another way that policies have not sent there. */
export const profileRedirect = (http: HttpProfile): SomeRules[] =>
  http.https_redirect === undefined ? [] : [httpsRedirect(http.https_redirect.port)];

/** What of a profile comes after policies: it is added to what they leave. */
export function exitFeatures(http: HttpProfile, spec: VirtualService): SomeRules[] {
  const features: SomeRules[] = [];
  if (http.x_forwarded_proto === true) features.push(forwardedProto);
  if (http.client_certificate_headers !== undefined)
    features.push(new CertificateHeaders(http.client_certificate_headers));
  if (http.hsts !== undefined) features.push(new Hsts(http.hsts));
  if (http.https_locations === true) features.push(new HttpsLocations());
  if (http.secure_cookies === true || http.http_only_cookies === true)
    features.push(cookieFlags(http.secure_cookies === true, http.http_only_cookies === true));
  if (http.compression !== undefined) features.push(new CompressionRules(http.compression));
  if (http.error_pages !== undefined) features.push(new ErrorPages(http.error_pages, spec.name));
  return features;
}
