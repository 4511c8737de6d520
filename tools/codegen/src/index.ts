export const PACKAGE = 'codegen';
