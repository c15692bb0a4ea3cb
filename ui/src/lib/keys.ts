/** Keyboard events as the names commands are bound to. It binds nothing. */

/** The name of a key press: `j`, `?`, `Ctrl+K`, `Ctrl+Enter`, `Escape`. */
export function chord(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  const held = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 && held ? event.key.toUpperCase() : event.key;
  return (held ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '') + key;
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
