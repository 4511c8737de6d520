export const PACKAGE = 'balancing';
