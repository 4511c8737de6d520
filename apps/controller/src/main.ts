import { enableCompileCache } from 'node:module';

// Compiled code is kept between starts: a second start is much faster.
enableCompileCache();
const { run } = await import('./run.js');
await run();
