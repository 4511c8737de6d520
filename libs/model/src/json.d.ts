/** The tables under schema/: message name -> field name -> facts. */
declare module '*.json' {
  const tables: Readonly<Record<string, Readonly<Record<string, import('./facts.js').Facts>>>>;
  export default tables;
}
