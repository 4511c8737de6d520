export const PACKAGE = 'health';
