import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '../config/logger.js';
import { ApiError, errors } from '../errors.js';

/** Node's and PostgreSQL's codes of "cannot be reached or has no room now". */
const DATABASE_AWAY = /^(ECONN|EPIPE|ETIMEDOUT|08|53|57P0)/;

/** Every refusal and failure as `{"error": text, "code": CODE, ...}`. What nobody foresaw is a 500 without its text. */
@Catch()
export class ApiExceptionFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const error = toApiError(thrown, request);
    if (error.status >= 500)
      this.logger.error({ err: thrown, method: request.method, url: request.url }, 'request failed');
    if (reply.sent) return;
    sendError(reply, error);
  }
}

/** Answers an error; the CSRF refusal is plain text, as clients of the published API expect. */
export function sendError(reply: FastifyReply, error: ApiError): void {
  void reply.status(error.status);
  const wait = error.details['retry_after'];
  if (typeof wait === 'number') void reply.header('Retry-After', String(wait));
  if (error.code === 'CSRF_FAILED') void reply.type('text/plain; charset=utf-8').send(error.message);
  else
    void reply
      .type('application/json; charset=utf-8')
      .send(JSON.stringify({ error: error.message, code: error.code, ...error.details }));
}

export function toApiError(thrown: unknown, request: Pick<FastifyRequest, 'method' | 'url'>): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof HttpException) return fromNest(thrown, request);
  const { statusCode, code, message } = thrown as { statusCode?: unknown; code?: unknown; message?: unknown };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new ApiError(statusCode, typeof code === 'string' ? code : 'BAD_REQUEST', String(message));
  if (typeof code === 'string' && DATABASE_AWAY.test(code))
    return errors.unavailable(
      request.method === 'GET'
        ? 'The database cannot be reached now. Try again.'
        : 'The database cannot be reached now. Read the object before you repeat the change: its answer may be what was lost.',
      thrown,
    );
  return new ApiError(500, 'INTERNAL', "Internal error. The controller's log tells more.");
}

function fromNest(thrown: HttpException, request: Pick<FastifyRequest, 'method' | 'url'>): ApiError {
  const status = thrown.getStatus();
  if (status === 404) return errors.noSuchPath(request.url.split('?')[0] ?? '');
  return new ApiError(status, `HTTP_${status}`, thrown.message);
}
