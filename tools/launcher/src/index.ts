export const PACKAGE = 'launcher';
