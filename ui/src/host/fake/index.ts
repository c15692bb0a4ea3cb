/** The in-memory desk: a faithful stand-in for tests and visual work. */
export { FakeDesk } from './desk';
