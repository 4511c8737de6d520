import { z } from 'zod';

/** What a pool tells its servers as Host (pools document, Rewrite Host Header to Server Name). */
export const HostHeader = z.strictObject({
  /** `server_name`: the server's host name; `sni`: the name that TLS asks for; `as_is`: what the client said. */
  to: z.enum(['as_is', 'server_name', 'sni']),
  /** Whether the server's port stands behind it. `non_default`: unless it is 80 or 443. */
  append_port: z.enum(['non_default', 'never', 'always']),
});
export type HostHeader = z.infer<typeof HostHeader>;
