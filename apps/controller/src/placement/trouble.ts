/** Why an SE cannot serve a VIP, in its own words; who holds the VIP is named once. */
export function troubleOf(row: { reason: string; code: string; holder: string }): string {
  const why = row.reason || row.code || 'failed';
  return row.holder === '' || why.includes(row.holder) ? why : `${why} (held by ${row.holder})`;
}
