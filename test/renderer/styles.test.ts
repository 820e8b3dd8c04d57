import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve('src-renderer');
const files = new Map<string, string>();

/** Text of a file; nothing where a name leads out of the window's code. */
function text(file: string): string {
  let known = files.get(file);
  if (known === undefined) {
    known = file.startsWith(ROOT) && /\.(tsx?|css)$/.test(file) ? readFileSync(file, 'utf8') : '';
    files.set(file, known);
  }
  return known;
}

function matches(file: string, pattern: RegExp): string[] {
  return [...text(file).matchAll(pattern)].map((match) => match[1] as string);
}

const beside = (file: string, name: string) => path.resolve(path.dirname(file), name);

/** What is loaded with a file: all that it imports, but not what is fetched when it is wanted. */
function loadedWith(entry: string): Set<string> {
  const loaded = new Set<string>();
  const open = [entry];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    open.push(...matches(file, /^(?:import|export)[^;]*?'(\.[^']+)'/gm).map((name) => beside(file as string, name)));
  }
  return loaded;
}

const isSheet = (file: string) => file.endsWith('.css');

/** Classes that sheets speak of. */
function styledBy(sheets: Iterable<string>): Set<string> {
  return new Set([...sheets].flatMap((sheet) => matches(sheet, /\.(-?[a-z][\w-]*)/gi)));
}

const usedIn = (file: string) => matches(file, /className=["{'`]+([^"}'`]+)/g).flatMap((names) => names.split(/\s+/));

const frame = loadedWith(path.join(ROOT, 'main.tsx'));
const registry = path.join(ROOT, 'app/views.ts');
const views = matches(registry, /import\('([^']+)'\)/g).map((name) => beside(registry, name));

describe('a view loads the sheets of the classes that it uses, whichever view was open before', () => {
  it.each(views.map((view) => [path.basename(view), view]))('%s', (_, view) => {
    const own = loadedWith(view);
    const loaded = new Set([...frame, ...own]);
    const styled = styledBy([...loaded].filter(isSheet));
    // What no sheet of any view speaks of is a name for tests or for assistive technology.
    const anywhere = styledBy(views.flatMap((other) => [...loadedWith(other)].filter(isSheet)));
    const missing = [...own].flatMap((file) =>
      usedIn(file)
        .filter((name) => anywhere.has(name) && !styled.has(name))
        .map((name) => `${path.relative(ROOT, file)}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
