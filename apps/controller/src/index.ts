export const PACKAGE = 'controller';
