/** What the API answers when it refuses or fails: a stable code, a status, a message that names the remedy. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Stable, upper case: `OBJECT_NOT_FOUND`. Clients may match on it, never on the message. */
    readonly code: string,
    message: string,
    /** More for the body beside `error` and `code`. */
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ApiError';
  }
}

/** The refusals that more than one part makes. The texts of the published API are kept where clients read them. */
export const errors = {
  badRequest: (code: string, message: string, details?: Record<string, unknown>) =>
    new ApiError(400, code, message, details),
  unauthenticated: (message = 'Authentication credentials were not provided.') =>
    new ApiError(401, 'UNAUTHENTICATED', message),
  forbidden: (message: string) => new ApiError(403, 'FORBIDDEN', message),
  notFound: (type: string) => new ApiError(404, 'OBJECT_NOT_FOUND', `${type} object not found!`),
  noSuchPath: (path: string) =>
    new ApiError(404, 'PATH_NOT_FOUND', `${path} does not exist. GET /api/openapi.json lists what does.`),
  methodNotAllowed: (method: string) =>
    new ApiError(405, 'METHOD_NOT_ALLOWED', `Method '${method}' not allowed`),
  /** Names as in `Cannot delete, object is referred by: ['Pool custom-pool']`. */
  inUse: (referrers: readonly string[]) =>
    new ApiError(
      403,
      'OBJECT_IN_USE',
      `Cannot delete, object is referred by: [${referrers.map((r) => `'${r}'`).join(', ')}]`,
      { referred_by: referrers },
    ),
  systemDefault: () => new ApiError(403, 'SYSTEM_DEFAULT', 'Cannot delete system default object'),
  concurrentUpdate: (type: string) =>
    new ApiError(412, 'CONCURRENT_UPDATE', `Concurrent Update Error: Need to reload object data ${type}`),
  conflict: (message: string, name: string) =>
    new ApiError(409, 'ALREADY_EXISTS', message, { obj_name: name }),
  tooManyRequests: (message: string, retryAfterSeconds: number) =>
    new ApiError(429, 'TOO_MANY_REQUESTS', message, { retry_after: retryAfterSeconds }),
  unavailable: (message: string, cause?: unknown) =>
    new ApiError(503, 'UNAVAILABLE', message, {}, cause === undefined ? undefined : { cause }),
} as const;
