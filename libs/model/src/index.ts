export const PACKAGE = 'model';
