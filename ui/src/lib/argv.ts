/**
 * A command as one line, and as the words it really has. It knows quotes and
 * backslashes only: no variables, no wildcards, no pipes, because no shell runs
 * the command either.
 */

/** The words of a line, or what is wrong with it. */
export function readWords(line: string): { words: string[] } | { fault: string } {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote !== '') {
      if (char === quote) quote = '';
      else if (char === '\\' && quote === '"' && /["\\]/u.test(line.charAt(at + 1))) word = (word ?? '') + line.charAt((at += 1));
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '\\') {
      if (at + 1 === line.length) return { fault: 'The last backslash has nothing after it: write two for one.' };
      word = (word ?? '') + line.charAt((at += 1));
    } else if (/\s/u.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + char;
  }
  if (quote !== '') return { fault: `A quote is not closed: ${quote}` };
  if (word !== null) words.push(word);
  return { words };
}

/** A line that reads as exactly these words. */
export function writeWords(words: string[]): string {
  return words.map((word) => (word !== '' && !/[\s"'\\]/u.test(word) ? word : `"${word.replaceAll(/["\\]/gu, String.raw`\$&`)}"`)).join(' ');
}
