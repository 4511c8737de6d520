export const PACKAGE = 'translator';
