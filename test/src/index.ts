export const PACKAGE = 'test';
