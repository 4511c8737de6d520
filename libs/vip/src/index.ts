export const PACKAGE = 'vip';
