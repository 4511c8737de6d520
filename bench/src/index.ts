export const PACKAGE = 'bench';
