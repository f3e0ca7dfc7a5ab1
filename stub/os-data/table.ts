/** Tables of `info os`: rows of named columns, as qXfer:osdata sends them. */

export type OsRow = Readonly<Record<string, string | number>>;

export interface OsTable {
  /** What the user types behind `info os`. */
  readonly type: string;
  readonly description: string;
  readonly title: string;
  /** All rows have the same columns. `rest`: what follows the type. @throws Refusal */
  readonly rows: (rest: string) => readonly OsRow[];
}

/** XML 1.0 has no way to write control characters. */
const text = (value: string | number): string => String(value).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '?').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function document(type: string, rows: readonly OsRow[]): string {
  const items = rows.map((row) => `<item>${Object.entries(row).map(([name, value]) => `<column name="${text(name)}">${text(value)}</column>`).join('')}</item>`);
  return `<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "osdata.dtd">\n<osdata type="${text(type)}">\n${items.join('\n')}\n</osdata>\n`;
}

/** The document for an annex (`''`: the list of tables; `files 26`); undefined: there is no such table. @throws Refusal */
export function osData(tables: readonly OsTable[], annex: string): string | undefined {
  const wanted = annex.trim().replace(/\s+/g, ' ');
  if (wanted === '' || wanted === 'types') {
    return document('types', tables.map(({ type, description, title }) => ({ Type: type, Description: description, Title: title })));
  }
  const table = tables.find(({ type }) => wanted === type || wanted.startsWith(`${type} `));
  return table === undefined ? undefined : document(table.type, table.rows(wanted.slice(table.type.length).trim()));
}
