export const PACKAGE = 'placement';
