//! Mail that is put into a directory, one readable file a message: for the demo and for tests.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;

use super::{MailError, Mailer, Message, check};

/// Writes `<directory>/<time>-<key>.eml`. The text stands as it is, not encoded for transport.
#[derive(Clone, Debug)]
pub struct FileMailer {
    directory: PathBuf,
    from: String,
}

impl FileMailer {
    /// Writes into `directory`, which is made if it is not there.
    pub fn new(directory: impl Into<PathBuf>, from: impl Into<String>) -> Self {
        Self { directory: directory.into(), from: from.into() }
    }

    /// Where the messages go.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    async fn write(&self, name: &str, text: &str) -> std::io::Result<()> {
        // The directory above is not ours alone: only the messages' own is closed.
        let above = self.directory.parent().unwrap_or(&self.directory);
        tokio::fs::DirBuilder::new().recursive(true).mode(0o711).create(above).await?;
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).await?;
        // Whoever watches the directory sees whole messages only.
        let aside = self.directory.join(format!(".{name}"));
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside).await?;
        file.write_all(text.as_bytes()).await?;
        file.sync_all().await?;
        tokio::fs::rename(aside, self.directory.join(name)).await
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        check(message)?;
        let name = format!("{}-{}.eml", message.at.format("%Y%m%dT%H%M%S%3f"), message.key);
        let text = format!(
            "From: {}\nTo: {}\nSubject: {}\nDate: {}\nMessage-ID: <{}@vitne>\n\n{}",
            self.from,
            message.to,
            message.subject,
            message.at.to_rfc2822(),
            message.key,
            message.text
        );
        self.write(&name, &text).await.map_err(|error| MailError::Write(error.kind()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::message;
    use super::*;

    #[tokio::test]
    async fn a_message_sent_twice_is_one_readable_private_file() {
        let directory = tempfile::tempdir().unwrap();
        let mailer = FileMailer::new(directory.path().join("mail"), "Vitne <no-reply@localhost>");
        mailer.send(&message()).await.unwrap();
        mailer.send(&message()).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(mailer.directory()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(files[0].file_name(), "20260921T141320000-0193f3c8-5d0e-7c1a.eml");
        let text = std::fs::read_to_string(files[0].path()).unwrap();
        assert!(
            text.contains("Subject: Bekräfta din adress\n") && text.contains("\n\nÖppna länken:\nhttps://"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = FileMailer::new(file.path().join("mail"), "x").send(&message()).await.unwrap_err();
        assert!(matches!(error, MailError::Write(_)) && !error.is_permanent(), "{error}");
    }
}
