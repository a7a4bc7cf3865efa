/** DEEPEST is the last level that is indented; deep nesting must not multiply the text. */
const DEEPEST = 40;

/**
 * pretty breaks JSON into lines and indents it, and leaves everything else as
 * it came. It only adds white space between tokens: parsing and writing again
 * would round large numbers, drop doubled names and unescape what a vendor
 * escaped, and this is evidence.
 */
export function pretty(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) {
      return text;
    }
  } catch {
    return text;
  }
  const out: string[] = [];
  let depth = 0;
  const line = () => `\n${'  '.repeat(Math.min(depth, DEEPEST))}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  tokens.forEach((token, at) => {
    const next = tokens[at + 1];
    switch (token) {
      case '{':
      case '[':
        out.push(token);
        depth += 1;
        if (next !== '}' && next !== ']') {
          out.push(line());
        }
        break;
      case '}':
      case ']':
        depth -= 1;
        if (tokens[at - 1] !== '{' && tokens[at - 1] !== '[') {
          out.push(line());
        }
        out.push(token);
        break;
      case ',':
        out.push(token, line());
        break;
      case ':':
        out.push(': ');
        break;
      default:
        out.push(token);
    }
  });
  return out.join('');
}
