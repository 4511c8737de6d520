/** Codings that responses can get here. */
export const enum Coding {
  None,
  Gzip,
  Brotli,
}

/**
 * The coding that the client likes best of those that can be made (RFC 9110 section 12.5.3); at equal weight Brotli,
 * which is smaller. None where the client would rather have none, or says nothing.
 * @param value of Accept-Encoding; null without one
 */
export function chooseCoding(value: string | null): Coding {
  if (value === null) return Coding.None;
  let gzip = -1;
  let brotli = -1;
  let identity = -1;
  let others = -1;
  for (const element of value.split(',')) {
    const [name = '', ...parameters] = element.split(';');
    const weight = weightOf(parameters);
    switch (name.trim().toLowerCase()) {
      case 'gzip':
      case 'x-gzip':
        gzip = weight;
        break;
      case 'br':
        brotli = weight;
        break;
      case 'identity':
        identity = weight;
        break;
      case '*':
        others = weight;
    }
  }
  if (gzip < 0) gzip = others;
  if (brotli < 0) brotli = others;
  const best = Math.max(gzip, brotli);
  if (best <= 0 || identity > best) return Coding.None;
  return brotli === best ? Coding.Brotli : Coding.Gzip;
}

/** 0 to 1; a weight that is none counts as 0, so that what is not understood is not sent. */
function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() !== 'q') continue;
    return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(value.trim()) ? Number(value) : 0;
  }
  return 1;
}
