/** Keyboard events as the names commands are bound to. It binds nothing. */

type Press = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** The name of a key press: `j`, `?`, `Ctrl+K`, `Ctrl+Enter`, `Escape`; the same with Caps Lock, and on layouts of other scripts. */
export function chord(event: Press): string {
  const held = event.ctrlKey || event.metaKey;
  return (held ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '') + letter(event, held);
}

const SIGNS: Record<string, [string, string]> = { Slash: ['/', '?'], Comma: [',', '<'], Period: ['.', '>'] };

function letter({ key, code, shiftKey }: Press, held: boolean): string {
  if ([...key].length !== 1) return key;
  if (key <= '~') return held ? key.toUpperCase() : shiftKey ? key : key.toLowerCase();
  // No letter of ours: what the place of the key says on a Latin keyboard.
  const latin = /^(?:Key|Digit)(.)$/.exec(code)?.[1] ?? SIGNS[code]?.[shiftKey ? 1 : 0];
  if (latin === undefined) return key;
  return held || shiftKey ? latin : latin.toLowerCase();
}

/** Whether keys go into a text here, and are no shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest('[contenteditable="true"]') !== null) return true;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** How a key scrolls a page: by so many pages, or to an end. */
export function scrollOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): { pages: number } | { end: 'top' | 'bottom' } | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  switch (event.key) {
    case ' ':
      return { pages: event.shiftKey ? -1 : 1 };
    case 'PageDown':
      return { pages: 1 };
    case 'PageUp':
      return { pages: -1 };
    case 'Home':
      return { end: 'top' };
    case 'End':
      return { end: 'bottom' };
    default:
      return null;
  }
}

/** A key as it is printed on a keycap. */
export function keycap(key: string): string {
  const caps: Record<string, string> = { Enter: '⏎', Escape: 'Esc', ArrowDown: '↓', ArrowUp: '↑', PageDown: 'Pg ↓', PageUp: 'Pg ↑' };
  return key
    .split('+')
    .map((part) => caps[part] ?? part)
    .join(' ');
}
