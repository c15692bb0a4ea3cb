//! The settings, as the reviewer changes them in the window.

use serde_json::json;

use super::SOON;
use super::window::Window;

impl Window {
    /// Opens the settings at this section.
    #[track_caller]
    pub fn open_settings(&self, section: &str) {
        self.press_button("Settings");
        self.press_button(section);
    }

    /// Closes them once everything is saved.
    #[track_caller]
    pub fn close_settings(&self) {
        self.press_button("Close");
        let gone =
            "return document.querySelector('[aria-label=\"Sections of the settings\"]') === null;";
        assert!(self.until(gone, &[]).is_some(), "they stay open:\n{}", self.page_text());
    }

    /// Sets for how many seconds a decision can be undone.
    #[track_caller]
    pub fn set_hold(&self, seconds: u32) {
        self.set_decisions("input[type='number']", seconds);
    }

    /// Sets how many cards of one agent are shown in an hour.
    #[track_caller]
    pub fn set_cards(&self, in_an_hour: u32) {
        self.set_decisions("[data-part='cards-per-hour']", in_an_hour);
    }

    /// Sets how long there is after a warning that came too late, in minutes. It
    /// is the least that an agent can leave, below one.
    #[track_caller]
    pub fn set_grace(&self, minutes: &str) {
        self.set("After the deadline", "[data-part='grace_s-normal'] input", minutes);
    }

    #[track_caller]
    fn set_decisions(&self, field: &str, number: u32) {
        self.set("Decisions", &format!("#set-decisions {field}"), &number.to_string());
    }

    #[track_caller]
    fn set(&self, section: &str, field: &str, words: &str) {
        self.open_settings(section);
        let field = self.driver().find(field, SOON).unwrap();
        self.driver().click(&field).unwrap();
        self.press("Control+a");
        self.driver().type_text(words).unwrap();
        self.press("Tab");
        self.saved();
        self.close_settings();
    }

    /// Sets how far the only agent may go, and waits until it is in force.
    #[track_caller]
    pub fn set_level(&self, level: &str) {
        self.press("Control+2");
        let button = format!("autonomy-{level}");
        self.click(&button);
        self.see_where(&button, "[aria-pressed='true']");
    }

    /// Switches on or off what has this title.
    #[track_caller]
    pub fn switch(&self, section: &str, title: &str, on: bool) {
        self.open_settings(section);
        let changed = self.run(
            "const [title, on] = arguments;
             const named = (field) => field.closest('label')?.innerText.includes(title);
             const field = [...document.querySelectorAll('input[type=checkbox]')].find(named);
             if (field === undefined) return null;
             const other = field.checked !== on;
             if (other) field.click();
             return other;",
            &[json!(title), json!(on)],
        );
        assert!(changed.is_boolean(), "there is no switch {title:?}:\n{}", self.page_text());
        if changed == json!(true) {
            self.saved();
        }
        self.close_settings();
    }

    /// Sets quiet hours that hold now, by the clock of the window, and for two
    /// hours more.
    #[track_caller]
    pub fn quiet_hours_now(&self) {
        let section = "Quiet hours and focus";
        self.switch(section, "Quiet hours", true);
        // Never the same time as the other field has, which is no quiet hours.
        for (edge, hours, minutes) in [(0, 22, "30"), (1, 2, "00")] {
            self.open_settings(section);
            let set = self.until(
                "const [edge, hours, minutes] = args;
                 const field = document.querySelectorAll('#set-calm .hours input')[edge];
                 if (field === undefined) return false;
                 const hour = (new Date().getHours() + hours) % 24;
                 field.value = `${String(hour).padStart(2, '0')}:${minutes}`;
                 field.dispatchEvent(new Event('change', { bubbles: true }));
                 return true;",
                &[json!(edge), json!(hours), json!(minutes)],
            );
            assert!(set.is_some(), "no field for the hours:\n{}", self.page_text());
            self.saved();
            self.close_settings();
        }
    }

    /// Waits until the window says that it is quiet, and why, or that it is not.
    #[track_caller]
    pub fn shows_calm(&self, why: Option<&str>) {
        let shown = self.until(
            "const said = document.querySelector('[data-part=calm]')?.innerText ?? null;
             return args[0] === null ? said === null : said?.includes(args[0]);",
            &[json!(why)],
        );
        assert!(shown.is_some(), "calm: {why:?}\n{}", self.page_text());
    }

    /// Waits until the window says that the change is saved.
    #[track_caller]
    fn saved(&self) {
        let said = "return [...document.querySelectorAll('[role=status]')].some(e => e.innerText.trim() === 'Saved.');";
        assert!(self.until(said, &[]).is_some(), "nothing was saved:\n{}", self.page_text());
    }

    /// Clicks the button with this name once it is there.
    #[track_caller]
    fn press_button(&self, name: &str) {
        let found = self.until(
            "const named = (e) => e.innerText.trim() === args[0] || e.title === args[0];
             return [...document.querySelectorAll('button')].filter(e => e.checkVisibility()).find(named);",
            &[json!(name)],
        );
        let found = found.unwrap_or_else(|| panic!("no button {name:?}:\n{}", self.page_text()));
        self.driver().click(&handoff_stage::Element::of(&found).unwrap()).unwrap();
    }
}
