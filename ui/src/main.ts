import '@fontsource-variable/inter/wght.css';
import './app.css';
import { mount } from 'svelte';
import { openDesk } from './state/begin';
import App from './views/App.svelte';
import Broken from './views/Broken.svelte';

// Asked for before anything needs it: else all text is laid out twice.
void document.fonts.load("1rem 'Inter Variable'");

const target = document.getElementById('desk');
if (target !== null) {
  openDesk().then(
    (desk) => mount(App, { target, props: { desk } }),
    (cause: unknown) => mount(Broken, { target, props: { why: cause instanceof Error ? cause.message : String(cause) } }),
  );
}
