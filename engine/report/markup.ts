/** HTML and SVG text whose every inserted value is escaped, so that a prompt or a model name cannot become markup. */
export class Markup {
  constructor(readonly text: string) {}
}

type Insertion = Markup | string | number | undefined | false | readonly Insertion[];

/** Tag of template literals: markup`<td>${value}</td>`. Lists are joined, `undefined` and `false` leave nothing. */
export function markup(parts: TemplateStringsArray, ...values: readonly Insertion[]): Markup {
  let text = parts[0] ?? '';
  for (const [index, value] of values.entries()) text += insert(value) + (parts[index + 1] ?? '');
  return new Markup(text);
}

function insert(value: Insertion): string {
  if (value instanceof Markup) return value.text;
  if (value === undefined || value === false) return '';
  if (typeof value === 'object') return value.map(insert).join('');
  return escapeText(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ESCAPES[letter] ?? letter);
}
