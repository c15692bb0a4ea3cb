//! Through what an agent is connected, and how far that lets the desk hold it
//! back.
//!
//! What an agent is connected through is what it says at its hello: a claim,
//! which permits nothing. The words here promise no more than that integration
//! can keep, and say what it does not see.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The most characters of what an agent says it is built with.
const FRAMEWORK_LIMIT: usize = 200;

/// How long an integration that was not heard of counts beside one that was.
const BESIDE: TimeDelta = TimeDelta::days(1);

/// What stands between an agent and the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Integration {
    /// Its own code, on the socket.
    Socket,
    /// The command line, started by a script or by an agent.
    CommandLine,
    /// The hook of Claude Code.
    ClaudeCodeHook,
    /// The hook of Codex.
    CodexHook,
    /// The hook of Gemini CLI.
    GeminiHook,
    /// `handoff mcp`: tools that a model calls when it sees fit.
    McpServer,
    /// `handoff mcp-gate`, in front of another server.
    McpGate,
    /// The Python package.
    Python,
    /// A graph of LangGraph, in its own process.
    LangGraph,
    /// A LangGraph Server, which the desk asks.
    LangGraphServer,
    /// The OpenAI Agents SDK.
    OpenAiAgents,
}

/// How far the desk can hold back what comes through an integration; later is
/// more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It hands over cases and has never asked before a call.
    HandsOver,
    /// It asks where its own code, or its model, chooses to.
    AsItAsks,
    /// It stops at the points that its framework knows, and goes on with an
    /// answer.
    AtInterrupts,
    /// Its client asks before each call that the client shows its hooks.
    HookedCalls,
    /// Calls of one server pass the desk, or are not made.
    GatedCalls,
}

/// How far the desk reaches through an integration, in honest words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enforcement {
    /// How far.
    pub reach: Reach,
    /// What the desk holds back.
    pub held: &'static str,
    /// What it does not see, or cannot hold back.
    pub unseen: &'static str,
}

const ALL: [Integration; 11] = [
    Integration::Socket,
    Integration::CommandLine,
    Integration::ClaudeCodeHook,
    Integration::CodexHook,
    Integration::GeminiHook,
    Integration::McpServer,
    Integration::McpGate,
    Integration::Python,
    Integration::LangGraph,
    Integration::LangGraphServer,
    Integration::OpenAiAgents,
];

impl Integration {
    /// What it calls itself at its hello; nothing where each agent has a name of
    /// its own.
    pub fn framework(self) -> &'static str {
        match self {
            Self::Socket => "",
            Self::CommandLine => "handoff-cli",
            Self::ClaudeCodeHook => "Claude Code hook",
            Self::CodexHook => "Codex hook",
            Self::GeminiHook => "Gemini CLI hook",
            Self::McpServer => "handoff-mcp",
            Self::McpGate => "handoff-mcp-gate",
            Self::Python => "handoff_desk for Python",
            Self::LangGraph => "LangGraph",
            Self::LangGraphServer => "LangGraph Server",
            Self::OpenAiAgents => "OpenAI Agents",
        }
    }

    /// What an agent is connected through that calls what it is built with this.
    pub fn of(framework: Option<&str>) -> Self {
        let told = plain(framework.unwrap_or_default());
        let is = |known: &Self| *known != Self::Socket && plain(known.framework()) == told;
        ALL.into_iter().find(is).unwrap_or(Self::Socket)
    }

    /// What an agent says it is built with, as it is kept: nothing where it says
    /// nothing, and cut where it is long.
    pub fn kept(framework: Option<&str>) -> Option<String> {
        let told = framework.unwrap_or_default().trim();
        (!told.is_empty()).then(|| told.chars().take(FRAMEWORK_LIMIT).collect())
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Socket => "Own code on the socket",
            Self::CommandLine => "Command line",
            Self::ClaudeCodeHook => "Claude Code hook",
            Self::CodexHook => "Codex hook",
            Self::GeminiHook => "Gemini CLI hook",
            Self::McpServer => "MCP server",
            Self::McpGate => "MCP gateway",
            Self::Python => "Python client",
            Self::LangGraph => "LangGraph, in process",
            Self::LangGraphServer => "LangGraph Server",
            Self::OpenAiAgents => "OpenAI Agents SDK",
        }
    }

    /// Whether it is connected for one call at a time: between two of them it is
    /// away, and that means nothing.
    pub fn is_brief(self) -> bool {
        match self {
            Self::CommandLine | Self::ClaudeCodeHook | Self::CodexHook | Self::GeminiHook => true,
            Self::Socket
            | Self::McpServer
            | Self::McpGate
            | Self::Python
            | Self::LangGraph
            | Self::LangGraphServer
            | Self::OpenAiAgents => false,
        }
    }

    /// How far the desk reaches through it; `asks` where the agent has asked
    /// before a call at all.
    pub fn enforcement(self, asks: bool) -> Enforcement {
        let (reach, held, unseen) = match self {
            Self::Socket | Self::CommandLine | Self::Python => return as_it_asks(asks),
            Self::ClaudeCodeHook => (
                Reach::HookedCalls,
                "Claude Code asks before every tool call that it shows the hook, and is set up to \
                 run none whose hook fails.",
                "The desk does not see what a program does that was let go on, what you run in \
                 the terminal yourself, or sessions started without this hook.",
            ),
            Self::CodexHook => (
                Reach::HookedCalls,
                "Codex asks before every tool call that it shows the hook.",
                "A call whose hook is killed runs, and a hook that you have not trusted is \
                 skipped: Codex has no setting against either. A call that you approve may leave \
                 Codex's sandbox, too. The desk does not see tools that run at the provider of \
                 the model, or what a program does that was let go on.",
            ),
            Self::GeminiHook => (
                Reach::HookedCalls,
                "Gemini CLI asks before every tool call that it shows the hook.",
                "A call whose hook is killed runs: Gemini CLI has no setting against that. The \
                 desk does not see what a program does that was let go on, or sessions started \
                 without this hook.",
            ),
            Self::McpServer => (
                as_it_asks(asks).reach,
                "Its model asks the desk, with the tools it was given for that.",
                "A model that does not ask is not held back. What it reports is compared with \
                 what was decided.",
            ),
            Self::McpGate => (
                Reach::GatedCalls,
                "Every call that passes the gateway is asked for, and none reaches the server \
                 without a yes.",
                "The desk does not see other tools of the same client, other ways to the same \
                 server, or what the server does by itself.",
            ),
            Self::LangGraph | Self::OpenAiAgents => (
                Reach::AtInterrupts,
                if self == Self::LangGraph {
                    "The graph stops at its interrupts and goes on with your answer."
                } else {
                    "Tools that need approval wait for your answer."
                },
                "Everything else in that program runs unasked, unless its code asks the desk.",
            ),
            Self::LangGraphServer => (
                Reach::AtInterrupts,
                "Runs on the server stop at their interrupts and go on with your answer.",
                "The desk does not see what a run does between two interrupts, and the server \
                 takes answers from others, too.",
            ),
        };
        Enforcement { reach, held, unseen }
    }
}

/// The integration that says how far the desk can hold an agent back: of those
/// heard of within a day of the last one, the one that reaches furthest.
pub fn furthest(
    heard_of: impl IntoIterator<Item = (Integration, DateTime<Utc>)>,
    asks: bool,
) -> Integration {
    let heard_of: Vec<_> = heard_of.into_iter().collect();
    let last = heard_of.iter().map(|(_, at)| *at).max();
    heard_of
        .into_iter()
        .filter(|(_, at)| last.is_some_and(|last| last - *at <= BESIDE))
        .max_by_key(|(integration, at)| (integration.enforcement(asks).reach, *at))
        .map_or(Integration::Socket, |(integration, _)| integration)
}

/// The words of an agent that is held back by nothing but itself.
fn as_it_asks(asks: bool) -> Enforcement {
    if asks {
        Enforcement {
            reach: Reach::AsItAsks,
            held: "It asks the desk before it acts, as far as its own code does so.",
            unseen: "Nothing else keeps it from acting unasked. What it reports is compared with \
                     what was decided.",
        }
    } else {
        Enforcement {
            reach: Reach::HandsOver,
            held: "It only hands over cases.",
            unseen: "The desk sees what it submits and reports, and cannot hold back anything \
                     else.",
        }
    }
}

/// What counts in a name that people write in several ways.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}
