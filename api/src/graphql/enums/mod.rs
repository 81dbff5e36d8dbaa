//! Enumerations of the schema: the names of the domain and of the read models, which GraphQL may show.
//!
//! Each mirrors one enumeration, variant by variant; the compiler names those that are missing.

mod entry_type;

use async_graphql::Enum;

pub(crate) use entry_type::EntryType;

macro_rules! mirrors {
    ($($(#[doc = $doc:literal])+ $name:ident = $remote:tt { $($(#[doc = $about:literal])+ $variant:ident,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
        #[graphql(remote = $remote)]
        pub(crate) enum $name {
            $($(#[doc = $about])+ $variant,)+
        }
    )+};
}

mirrors! {
    /// A way to prove something.
    Method = "vitne_domain::policy::Method" {
        /// A memorised password (NIST SP 800-63B-4 §3.1.1).
        Password,
        /// A time-based one-time code (RFC 6238).
        Totp,
        /// A security key or passkey.
        Webauthn,
        /// An approval on an enrolled device.
        Push,
        /// A code by SMS; a restricted method (NIST SP 800-63B-4 §3.1.3.3).
        Sms,
        /// Swedish BankID.
        Bankid,
        /// One of the saved recovery codes (NIST SP 800-63B-4 §4.2.1.1).
        RecoveryCode,
        /// A code issued by support within a case.
        SupportCode,
        /// A link sent by e-mail: recovery evidence, never a second factor.
        EmailLink,
        /// A second person of the same company says so.
        Manager,
    }
    /// What a proof is for.
    Purpose = "vitne_domain::policy::Purpose" {
        /// Opening a session.
        SignIn,
        /// Two factors in this session, without device trust.
        SignInStrong,
        /// Releasing a payment.
        Payment,
        /// Changing security settings.
        Settings,
        /// Downloading one's data.
        Export,
        /// Setting a new password without the old one.
        PasswordReset,
        /// Enrolling a new authenticator in place of a lost one.
        ReplaceFactor,
        /// Proving an e-mail address before it is used.
        VerifyEmail,
    }
    /// Who did something.
    Actor = "vitne_domain::Actor" {
        /// The subject themselves, proved or in the act of proving it.
        User,
        /// Somebody who has proved nothing yet.
        Anonymous,
        /// Vitne itself: a timer, a policy, a follower of the log.
        System,
        /// A support agent within a case.
        Support,
        /// A compliance officer.
        Officer,
        /// An operator on the command line.
        Operator,
    }
    /// The language of texts and mail.
    Language = "vitne_domain::account::Language" {
        /// Swedish.
        Sv,
        /// Norwegian Bokmål.
        Nb,
        /// English.
        En,
    }
    /// What an authenticator is.
    AuthenticatorKind = "vitne_domain::account::AuthenticatorKind" {
        /// An authenticator app with a shared secret (RFC 6238).
        Totp,
    }
    /// What a device claims to be.
    DeviceKind = "vitne_domain::device::DeviceKind" {
        /// A computer.
        Computer,
        /// A phone.
        Phone,
        /// A tablet.
        Tablet,
        /// A program.
        Program,
        /// Not told.
        Unknown,
    }
    /// How entries are grouped for people.
    Category = "vitne_projections::activity::Category" {
        /// Opening a session.
        SignIn,
        /// Giving more proof in a session.
        StepUp,
        /// Getting back in.
        Recovery,
        /// Passwords, authenticators, codes.
        Credentials,
        /// The account itself.
        Account,
        /// Devices and their trust.
        Device,
        /// Sessions.
        Session,
        /// What Vitne or its owner did against misuse.
        Protection,
    }
    /// How much attention an entry asks for.
    Severity = "vitne_projections::activity::Severity" {
        /// Everyday.
        Info,
        /// Worth a look.
        Notice,
        /// Should be looked at.
        Warning,
        /// Must be looked at.
        Alert,
    }
    /// How it ended.
    Outcome = "vitne_projections::activity::Outcome" {
        /// As intended.
        Success,
        /// Refused.
        Failure,
        /// Not ended yet.
        Pending,
        /// Ended by time or by giving up.
        Unfinished,
    }
    /// What its owner has said about an entry.
    ReviewState = "vitne_projections::activity::ReviewState" {
        /// Nothing.
        Unreviewed,
        /// "This wasn't me."
        Reported,
    }
    /// Whether an authenticator can be used.
    AuthenticatorStatus = "vitne_projections::authenticators::AuthenticatorStatus" {
        /// Being enrolled; proves nothing yet.
        Pending,
        /// In use.
        Active,
        /// Cannot be used until its owner decides.
        Suspended,
        /// Reached the limit of failures.
        Disabled,
        /// Gone for good.
        Removed,
    }
    /// Whether a device is still in use.
    DeviceStatus = "vitne_projections::devices::DeviceStatus" {
        /// In use.
        Active,
        /// Reported lost.
        Lost,
        /// Taken off the list.
        Forgotten,
    }
    /// Whether the second step is skipped on a device.
    TrustState = "vitne_projections::devices::TrustState" {
        /// Never trusted.
        None,
        /// Trusted.
        Trusted,
        /// Trusted until its time ran out.
        Expired,
        /// Trusted until something ended it.
        Dropped,
    }
    /// What its owner can do with a device.
    DeviceAction = "vitne_projections::devices::DeviceAction" {
        /// Give it a name.
        Rename,
        /// Ask for the second step on it again.
        RevokeTrust,
        /// End its sessions.
        SignOut,
        /// Report it lost.
        ReportLost,
        /// Take it off the list.
        Forget,
    }
    /// Who named a device.
    LabelSource = "vitne_projections::devices::LabelSource" {
        /// Its owner.
        User,
        /// Words made from what its user agent claims.
        UserAgent,
    }
    /// Whether a session is alive.
    SessionState = "vitne_projections::sessions::SessionState" {
        /// Signed in.
        Active,
        /// Past a limit, not yet recorded as ended.
        Lapsed,
        /// Ended.
        Ended,
    }
    /// Something that protects an account.
    Strength = "vitne_projections::security::Strength" {
        /// The address is proved.
        EmailVerified,
        /// There is a password that can be used.
        PasswordSet,
        /// Two-step verification is on.
        TwoStep,
        /// At least one authenticator can be used.
        Authenticator,
        /// At least two can.
        SecondAuthenticator,
        /// There are recovery codes left.
        RecoveryCodes,
    }
    /// Something to do for an account.
    Advice = "vitne_projections::security::Advice" {
        /// Look at what happened: many failures since the last sign-in.
        ReviewActivity,
        /// Set a new password: the old one is disabled.
        ResetPassword,
        /// Set a new password: somebody else was in the account.
        ChangePassword,
        /// Prove the address.
        VerifyEmail,
        /// Switch on two-step verification.
        EnableTwoStep,
        /// Decide about an authenticator that is suspended or disabled.
        ReplaceAuthenticator,
        /// Make recovery codes.
        MakeRecoveryCodes,
        /// Make new recovery codes: few are left.
        FewRecoveryCodesLeft,
        /// Add a second authenticator.
        AddSecondAuthenticator,
    }
    /// What following a link did.
    LinkOutcome = "crate::service::LinkOutcome" {
        /// The address is proved; one can sign in with it.
        EmailVerified,
        /// The account's address is now this one.
        EmailChanged,
        /// The link counts as evidence in its ceremony, which goes on where it was begun.
        EvidenceAccepted,
    }
}
