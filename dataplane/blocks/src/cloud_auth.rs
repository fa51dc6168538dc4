//! sigv4, azuread and google_iam: who we say we are to the clouds. What is not served is declared
//! all the same, so that configurations are understood, and refused where it stands.

use net::{Auth, OAuth2Options, ProxyOptions, SecretSource, SigV4Options, tls::ClientTls};
use schema::{Arguments, Check, Secret};

/// AWS Signature Version 4.
#[derive(Arguments, Clone)]
#[arg(check = SigV4::check)]
pub struct SigV4 {
    /// Access key of AWS; from the environment when empty.
    pub access_key: String,
    /// External id for assuming the role.
    pub external_id: String,
    /// Profile of the AWS configuration to use.
    pub profile: String,
    /// Region of the endpoint.
    pub region: String,
    /// Role to assume.
    pub role_arn: String,
    /// Secret key of AWS; from the environment when empty.
    pub secret_key: Secret,
    /// Service that the signature is for.
    #[arg(default = "aps")]
    pub service_name: String,
    /// Ask the FIPS endpoint of STS.
    #[arg(default = false)]
    pub use_fips_sts_endpoint: bool,
}

impl SigV4 {
    fn check(&self, check: &mut Check<'_>) {
        if self.access_key.is_empty() != self.secret_key.is_empty() {
            check.body(
                "must provide an AWS SigV4 access key and secret key if credentials are \
                 specified in the SigV4 config",
            );
        }
        if !self.external_id.is_empty() && self.role_arn.is_empty() {
            check.attribute("external_id", "external_id can only be used with role_arn");
        }
        if !self.role_arn.is_empty() {
            check.attribute(
                "role_arn",
                "assuming a role is not supported; use the keys of the role in a profile",
            );
        }
    }

    /// The settings of `net`.
    pub fn auth(&self) -> Auth {
        Auth::SigV4(Box::new(SigV4Options {
            region: self.region.clone(),
            service: self.service_name.clone(),
            access_key: self.access_key.clone(),
            secret_key: net::Secret::new(self.secret_key.expose()),
            profile: self.profile.clone(),
        }))
    }
}

/// Tokens of Microsoft Entra ID.
#[derive(Arguments, Clone)]
#[arg(check = AzureAd::check)]
pub struct AzureAd {
    /// Which Azure cloud.
    #[arg(default = "AzurePublic")]
    pub cloud: String,
    /// Scope to ask tokens for, in place of the default one.
    #[arg(default = "")]
    pub scope: String,
    /// Use the identity that the machine has.
    #[arg(block)]
    pub managed_identity: Option<ManagedIdentity>,
    /// Use a registered application.
    #[arg(block)]
    pub oauth: Option<AzureOAuth>,
    /// Use what the Azure SDK finds.
    #[arg(block)]
    pub sdk: Option<AzureSdk>,
    /// Use the identity of a Kubernetes service account.
    #[arg(block)]
    pub workload_identity: Option<WorkloadIdentity>,
}

/// The clouds, where they give tokens, and whom tokens are for unless the text says so.
const CLOUDS: [(&str, &str, &str); 3] = [
    (
        "AzurePublic",
        "https://login.microsoftonline.com",
        "https://monitor.azure.com//.default",
    ),
    (
        "AzureGovernment",
        "https://login.microsoftonline.us",
        "https://monitor.azure.us//.default",
    ),
    (
        "AzureChina",
        "https://login.chinacloudapi.cn",
        "https://monitor.azure.cn//.default",
    ),
];

impl AzureAd {
    fn check(&self, check: &mut Check<'_>) {
        if CLOUDS.iter().all(|(name, ..)| *name != self.cloud) {
            let names = CLOUDS.map(|(name, ..)| name).join(", ");
            check.attribute("cloud", format!("must be one of {names}"));
        }
        let ways = [
            ("managed_identity", self.managed_identity.is_some()),
            ("workload_identity", self.workload_identity.is_some()),
            ("oauth", self.oauth.is_some()),
            ("sdk", self.sdk.is_some()),
        ];
        let mut given = ways.into_iter().filter(|(_, given)| *given);
        let Some((first, _)) = given.next() else {
            check.body(
                "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth or \
                 Azure SDK in the Azure AD config",
            );
            return;
        };
        if let Some((second, _)) = given.next() {
            let text = "cannot provide multiple authentication methods in the Azure AD config";
            check.block(second, 0, text);
        } else if first != "oauth" {
            let text = format!("{first} is not supported; use an oauth block");
            check.block(first, 0, &text);
        }
    }

    /// The settings of `net`: client credentials of the tenant.
    pub fn auth(&self) -> Auth {
        let cloud = CLOUDS.iter().find(|(name, ..)| *name == self.cloud);
        let (_, login, scope) = cloud.expect("the check wants one of the clouds");
        let oauth = self.oauth.as_ref().expect("the check wants this way");
        let scope = match self.scope.as_str() {
            "" => *scope,
            given => given,
        };
        Auth::OAuth2(Box::new(OAuth2Options {
            client_id: oauth.client_id.clone(),
            client_secret: SecretSource::Inline(net::Secret::new(oauth.client_secret.expose())),
            scopes: vec![scope.to_owned()],
            token_url: format!("{login}/{}/oauth2/v2.0/token", oauth.tenant_id),
            endpoint_params: Vec::new(),
            proxy: ProxyOptions::direct(),
            tls: ClientTls::system(),
        }))
    }
}

#[derive(Arguments, Clone)]
pub struct ManagedIdentity {
    /// Id of the client.
    #[arg(required)]
    pub client_id: String,
}

#[derive(Arguments, Clone)]
pub struct AzureOAuth {
    /// Id of the client.
    #[arg(required)]
    pub client_id: String,
    /// Secret of the client.
    #[arg(required)]
    pub client_secret: Secret,
    /// Id of the tenant.
    #[arg(required)]
    pub tenant_id: String,
}

#[derive(Arguments, Clone)]
pub struct AzureSdk {
    /// Id of the tenant.
    #[arg(required)]
    pub tenant_id: String,
}

#[derive(Arguments, Clone)]
pub struct WorkloadIdentity {
    /// Id of the client.
    #[arg(required)]
    pub client_id: String,
    /// Id of the tenant.
    #[arg(required)]
    pub tenant_id: String,
    /// File with the service account's token.
    #[arg(default = "/var/run/secrets/azure/tokens/azure-identity-token")]
    pub token_file_path: String,
}

/// Tokens of Google Cloud.
#[derive(Arguments, Clone)]
#[arg(check = GoogleIam::refuse)]
pub struct GoogleIam {
    /// File with the credentials; the application default ones when empty.
    pub credentials_file: String,
}

impl GoogleIam {
    fn refuse(&self, check: &mut Check<'_>) {
        check.body("google_iam is not supported; use an oauth2 or authorization block");
    }
}
