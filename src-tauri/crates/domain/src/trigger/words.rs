//! The words a new desk asks about: matters in which a mistake costs more than
//! the time to look.
//!
//! Bare words that code and logs are full of (`password`, `token`, `fraud`,
//! `license`) are left out on purpose: a list that stops every file is switched
//! off. The reviewer edits the list.

/// The list.
pub(super) fn default() -> Vec<String> {
    [LEGAL, MONEY, HEALTH, SECURITY, PEOPLE].concat().into_iter().map(str::to_owned).collect()
}

const LEGAL: &[&str] = &[
    "lawsuit",
    "lawsuits",
    "litigation",
    "subpoena*",
    "court order",
    "cease and desist",
    "class action",
    "small claims",
    "legal action",
    "legal hold",
    "breach of contract",
    "wrongful death",
    "power of attorney",
    "attorney-client",
    "my lawyer",
    "our lawyers",
    "my attorney",
    "GDPR",
    "CCPA",
    "HIPAA",
    "data protection authority",
    "right to be forgotten",
    "right to erasure",
    "subject access request",
    "regulatory investigation",
];

const MONEY: &[&str] = &[
    "chargeback",
    "chargebacks",
    "money laundering",
    "insider trading",
    "material non-public",
    "tax evasion",
    "wire transfer",
    "wire fraud",
    "suspected fraud",
    "fraudulent",
    "embezzl*",
    "bribe",
    "bribes",
    "bribery",
    "insolvency",
    "bankruptcy",
    "sanctions list",
    "sanctions screening",
    "credit card number",
    "card number",
    "bank account number",
];

const HEALTH: &[&str] = &[
    "medical record",
    "medical records",
    "patient record",
    "patient records",
    "protected health information",
    "diagnosed with",
    "suicide",
    "suicidal",
    "self-harm",
    "adverse event",
    "allergic reaction",
    "HIV positive",
];

const SECURITY: &[&str] = &[
    "data breach",
    "security incident",
    "security breach",
    "ransomware",
    "data leak",
    "account takeover",
    "identity theft",
    "social security number",
    "SSN",
    "passport number",
    "driver's license number",
    "BEGIN PRIVATE KEY",
    "BEGIN RSA PRIVATE KEY",
    "BEGIN EC PRIVATE KEY",
    "BEGIN OPENSSH PRIVATE KEY",
];

const PEOPLE: &[&str] = &[
    "sexual harassment",
    "harassment complaint",
    "discrimination complaint",
    "hostile work environment",
    "wrongful termination",
    "wrongful dismissal",
    "whistleblower",
    "confidential settlement",
];
