export * from './cookie.js';
export * from './cookie-field.js';
export * from './entry.js';
export * from './news.js';
export * from './set-cookie.js';
