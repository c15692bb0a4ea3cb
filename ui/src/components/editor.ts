/**
 * The JSON editor: CodeMirror with a diff against what was proposed and faults
 * at their place. Loaded only when a reviewer edits. It validates nothing.
 */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { unifiedMergeView } from '@codemirror/merge';
import { Compartment, EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightSpecialChars, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { UNSEEN } from '../gen/unseen';
import { inertText } from '../lib/inert';

/** A fault at its place in the text. */
export interface Marked {
  from: number;
  to: number;
  message: string;
}

export interface Editor {
  /** Shows these faults and no others. */
  mark(faults: Marked[]): void;
  /** Shows in the text what differs from what was proposed, or nothing of it. */
  compare(on: boolean): void;
  focus(): void;
  destroy(): void;
}

const tints = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--ink-2)' },
  { tag: [tags.string], color: 'var(--accent)' },
  { tag: [tags.separator, tags.brace, tags.squareBracket], color: 'var(--ink-3)' },
]);

const look = EditorView.theme({
  '&': { backgroundColor: 'var(--card)', color: 'var(--ink)', fontSize: '0.857rem', maxHeight: '44vh' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--accent)', padding: '8px 0' },
  '.cm-line': { padding: '0 10px' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
  '&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine': { backgroundColor: 'var(--low-soft)' },
  '&.cm-merge-b .cm-changedText': { background: 'color-mix(in srgb, var(--low) 26%, transparent)' },
  '.cm-deletedChunk': { backgroundColor: 'var(--high-soft)', paddingLeft: '10px' },
  '&.cm-merge-b .cm-deletedText': { background: 'color-mix(in srgb, var(--high) 22%, transparent)' },
  '.cm-deletedChunk span': { color: 'var(--ink)' },
  '.cm-changeGutter': { width: '3px', paddingLeft: '0' },
  '&.cm-merge-b .cm-changedLineGutter': { background: 'var(--low)' },
  '.cm-deletedLineGutter': { background: 'var(--high)' },
  '.cm-gutters': { backgroundColor: 'transparent', border: '0' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--high)', textUnderlineOffset: '4px' },
  '.cm-tooltip': { backgroundColor: 'var(--card)', border: '1px solid var(--line)', borderRadius: '8px' },
  '.cm-specialChar': { color: 'var(--mid)', backgroundColor: 'var(--mid-soft)', borderRadius: '4px' },
});

const MARKED = highlightSpecialChars({
  specialChars: new RegExp(UNSEEN, 'gu'),
  render: (code) => {
    const chip = document.createElement('span');
    chip.className = 'cm-specialChar';
    chip.textContent = inertText(String.fromCodePoint(code));
    return chip;
  },
});

const LOOK = [json(), syntaxHighlighting(tints), MARKED, EditorView.lineWrapping, look];

/** What differs from what was proposed. */
const difference = (proposed: string) => unifiedMergeView({ original: proposed, mergeControls: false, gutter: true });

/** A difference that is only read. */
export interface Comparison {
  /** Compares this text with what was proposed. */
  show(text: string): void;
  destroy(): void;
}

/** Makes a difference inside `parent`. */
export function comparison(parent: HTMLElement, options: { text: string; proposed: string; label: string }): Comparison {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [LOOK, difference(options.proposed), EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({ 'aria-label': options.label, 'aria-multiline': 'true', 'aria-readonly': 'true', role: 'textbox', tabindex: '0' })],
    }),
  });
  return {
    show: (text) => {
      if (text !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    destroy: () => {
      view.destroy();
    },
  };
}

/** Makes an editor inside `parent`. */
export function editor(parent: HTMLElement, options: { text: string; proposed: string; label: string; onchange: (text: string) => void }): Editor {
  const compared = new Compartment();
  let comparing = true;
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        history(),
        drawSelection(),
        bracketMatching(),
        indentUnit.of('  '),
        LOOK,
        compared.of(difference(options.proposed)),
        // Ctrl+Enter sends the answer; the editor leaves it alone.
        keymap.of([...defaultKeymap.filter((binding) => binding.key !== 'Mod-Enter'), ...historyKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': options.label, 'aria-multiline': 'true', role: 'textbox' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onchange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    mark: (faults) => {
      const most = view.state.doc.length;
      const diagnostics = faults.map(({ from, to, message }) => {
        const start = Math.min(from, most);
        return { from: start, to: Math.min(Math.max(to, start), most), message, severity: 'error' as const };
      });
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    compare: (on) => {
      if (on !== comparing) view.dispatch({ effects: compared.reconfigure(on ? difference(options.proposed) : []) });
      comparing = on;
    },
    focus: () => {
      view.focus();
    },
    destroy: () => {
      view.destroy();
    },
  };
}
