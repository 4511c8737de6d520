import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { openapi } from '@spillway/model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../../errors.js';
import { Public } from '../../identity/request.js';
import { ObjectCache } from '../../store/index.js';
import { API_VERSION } from '../../version.js';
import { systemOf } from '../object-writer.js';
import { EXTRA_MESSAGES, EXTRA_PATHS } from './extra-paths.js';

/** Files of the viewer's package that the page uses. Nothing else of it is served. */
const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Spillway API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`;

/** Sends the session's CSRF token along, so that requests can be tried from the page. */
const START = `SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  defaultModelsExpandDepth: -1,
  requestInterceptor: (request) => {
    const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
    if (token) request.headers['X-CSRFToken'] = token[1];
    return request;
  },
});
`;

const require = createRequire(import.meta.url);

/** The API's description, and a page to browse it; both work without a session and without the internet. */
@Public()
@Controller('api')
export class DocsController {
  private document: string | undefined;

  constructor(private readonly cache: ObjectCache) {}

  @Get('openapi.json')
  description(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    this.refuseWhenOff(request);
    this.document ??= JSON.stringify(
      openapi({ version: API_VERSION, extraPaths: EXTRA_PATHS, extraMessages: EXTRA_MESSAGES }),
    );
    void reply.type('application/json; charset=utf-8');
    return this.document;
  }

  @Get('docs')
  page(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): string {
    this.refuseWhenOff(request);
    void reply.type('text/html; charset=utf-8');
    return PAGE;
  }

  @Get('docs/:file')
  file(@Param('file') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.refuseWhenOff(request);
    if (name === 'start.js') {
      void reply.type('text/javascript; charset=utf-8').send(START);
      return;
    }
    const type = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
    if (type === undefined) throw errors.noSuchPath(request.url);
    const directory = path.dirname(require.resolve('swagger-ui-dist/package.json'));
    void reply
      .type(type)
      .header('Cache-Control', 'public, max-age=3600')
      .send(createReadStream(path.join(directory, name)));
  }

  /** `portal_configuration.disable_swagger`. */
  private refuseWhenOff(request: FastifyRequest): void {
    const portal = systemOf(this.cache)?.['portal_configuration'] as
      | { disable_swagger?: boolean }
      | undefined;
    if (portal?.disable_swagger === true) throw errors.noSuchPath(request.url);
  }
}
