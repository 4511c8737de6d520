export const PACKAGE = 'proxy';
