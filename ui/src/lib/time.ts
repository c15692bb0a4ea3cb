/**
 * Times and spans as the window words them. Pure: `now` is an argument, and
 * nothing here reads a clock or the reader's locale.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How long before its warning a deadline counts as soon. */
const NEAR = 10 * MINUTE;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** A span in its two largest units: `42 s`, `9 min`, `3 h 42 min`, `2 d 4 h`. */
export function span(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${String(Math.floor(whole / 1000))} s`;
  if (whole < HOUR) return `${String(Math.floor(whole / MINUTE))} min`;
  if (whole < DAY) {
    const minutes = Math.floor((whole % HOUR) / MINUTE);
    return `${String(Math.floor(whole / HOUR))} h` + (minutes > 0 ? ` ${String(minutes)} min` : '');
  }
  const hours = Math.floor((whole % DAY) / HOUR);
  return `${String(Math.floor(whole / DAY))} d` + (hours > 0 ? ` ${String(hours)} h` : '');
}

/** The same for a narrow column: `42 s`, `9 min`, `3 h 42`, `2 d`. */
export function shortSpan(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < HOUR || whole >= 3 * DAY) return span(whole >= 3 * DAY ? whole - (whole % DAY) : whole);
  return span(whole).replace(/ min$/u, '');
}

/** A countdown that moves every second in its last hour: `9:04`. */
export function countdown(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole >= HOUR) return span(whole);
  const seconds = Math.floor(whole / 1000);
  return `${String(Math.floor(seconds / 60))}:${pad(seconds % 60)}`;
}

/** The time of day, with the day where it is not today: `13:10`, `Tue 13:10`, `20 Dec`, `20 Dec 2027`. */
export function moment(at: string | number, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  const today = new Date(now);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  if (sameDay(date, today)) return time;
  const away = date.getTime() - now;
  if (Math.abs(away) < 6 * DAY) return `${DAYS[date.getDay()] ?? ''} ${time}`;
  const day = `${String(date.getDate())} ${MONTHS[date.getMonth()] ?? ''}`;
  return date.getFullYear() === today.getFullYear() ? day : `${day} ${String(date.getFullYear())}`;
}

/** The day with its time, whenever it is: `Thu 19 Nov, 03:00`, `20 Dec 2025, 03:00`. */
export function dayAndTime(at: string, now: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const day = `${String(date.getDate())} ${MONTHS[date.getMonth()] ?? ''}`;
  const named = date.getFullYear() === new Date(now).getFullYear() ? `${DAYS[date.getDay()] ?? ''} ${day}` : `${day} ${String(date.getFullYear())}`;
  return `${named}, ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** The same in a sentence: `at 13:10`, `on Tue 13:10`, `on 20 Dec`. */
export function at(when: string | number, now: number): string {
  const words = moment(when, now);
  return /^\d\d:\d\d$/u.test(words) ? `at ${words}` : `on ${words}`;
}

/** The time of day to the second: `09:14:02`. */
export function clockTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** How long ago: `just now`, `4 min ago`. */
export function ago(at: string, now: number): string {
  const passed = now - Date.parse(at);
  return passed < MINUTE ? 'just now' : `${shortSpan(passed)} ago`;
}

/** How long a text takes to read: `8 s`, `101 s`, `4 min`. */
export function reading(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 120 ? `${String(whole)} s` : `${String(Math.round(whole / 60))} min`;
}

/** How urgent a deadline is: `soon` when its warning comes, `near` from the warning on, `over` once it passed. */
export type Urgency = 'quiet' | 'soon' | 'near' | 'over';

/** How urgent it is at `now`. */
export function urgency(respondBy: string, warnAt: string, now: number): Urgency {
  if (now >= Date.parse(respondBy)) return 'over';
  const warning = Date.parse(warnAt) - now;
  return warning <= 0 ? 'near' : warning <= NEAR ? 'soon' : 'quiet';
}

/** How close to an edge the seconds matter: some ticks by the minute must fit in. */
const EDGE = 2 * MINUTE;

/** Whether what is said of a deadline at `now` changes within moments. */
export function atAnEdge(respondBy: string, warnAt: string, now: number): boolean {
  const warning = Date.parse(warnAt);
  return [Date.parse(respondBy), warning, warning - NEAR].some((edge) => Math.abs(edge - now) < EDGE);
}

/** Whether the countdown of an open card moves every second at `now`, or soon will. */
export function countsSeconds(respondBy: string, now: number): boolean {
  const left = Date.parse(respondBy) - now;
  return left > -EDGE && left < HOUR + EDGE;
}

/** How near a deadline is: behind, at its warning, or in which part of the day. */
export type Group = 'over' | 'soon' | 'today' | 'later';

/** The group of the queue an item belongs to at `now`. */
export function group(respondBy: string, warnAt: string, now: number): Group {
  switch (urgency(respondBy, warnAt, now)) {
    case 'over':
      return 'over';
    case 'near':
    case 'soon':
      return 'soon';
    case 'quiet':
      return sameDay(new Date(respondBy), new Date(now)) ? 'today' : 'later';
  }
}

/** Nine in the morning of the day after `now`, by the clock on the wall. */
export function tomorrowAtNine(now: number): number {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, 9).getTime();
}

/** A moment as a field holds it, alike in every language: `2026-11-20 13:10`. What the platform has for this writes as its own language does. */
export function localField(ms: number): string {
  const date = new Date(ms);
  return `${String(date.getFullYear()).padStart(4, '0')}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** Reads such a field; `null` where it is no moment. */
export function readLocal(text: string): number | null {
  const parts = /^\s*(\d{4})-(\d\d?)-(\d\d?)[T ]+(\d\d?):(\d\d)(?::\d\d)?\s*$/u.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts;
  const date = new Date(year, month - 1, day, hour, minute);
  // Where a part was too large, the calendar has carried it over: that is not what was meant.
  return month >= 1 && month <= 12 && date.getDate() === day && hour < 24 && minute < 60 ? date.getTime() : null;
}

/** Minutes since midnight as a time of day: `22:00`. */
export function timeOfDay(minutes: number): string {
  return `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

/** Reads a time of day; `null` where it is none. */
export function readTimeOfDay(text: string): number | null {
  const [, hour, minute] = /^\s*(\d\d?):(\d\d)(?::\d\d)?\s*$/u.exec(text)?.map(Number) ?? [];
  return hour !== undefined && minute !== undefined && hour < 24 && minute < 60 ? hour * 60 + minute : null;
}

function sameDay(a: Date, b: Date): boolean {
  return a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate();
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
