//! Arguments of otelcol.processor.resourcedetection.

use std::time::Duration;

use schema::{Arguments, Check, Secret};

use super::attributes::{
    AkamaiAttributes, AksAttributes, AlibabaEcsAttributes, AzureAttributes, ConsulAttributes,
    DigitaloceanAttributes, DockerAttributes, Ec2Attributes, EcsAttributes, EksAttributes,
    ElasticbeanstalkAttributes, GcpAttributes, HerokuAttributes, HetznerAttributes,
    KubeadmAttributes, KubernetesNodeAttributes, LambdaAttributes, NovaAttributes,
    OpenshiftAttributes, OraclecloudAttributes, ScalewayAttributes, SystemAttributes,
    TencentCvmAttributes, UpcloudAttributes, VultrAttributes,
};
use crate::settings::{DebugMetrics, Outputs, TlsClient};

/// Detectors that there are. Those that ask a cloud, an agent or Kubernetes are known by name and
/// refused when they are to run.
const DETECTORS: [&str; 27] = [
    "env",
    "dynatrace",
    "akamai",
    "alibaba_ecs",
    "aks",
    "azure",
    "consul",
    "docker",
    "digitalocean",
    "ec2",
    "ecs",
    "eks",
    "elasticbeanstalk",
    "gcp",
    "heroku",
    "hetzner",
    "kubeadm",
    "kubernetes_node",
    "lambda",
    "nova",
    "oraclecloud",
    "tencent_cvm",
    "scaleway",
    "upcloud",
    "vultr",
    "openshift",
    "system",
];

/// Detectors that run.
const RUNNING: [&str; 5] = ["env", "system", "docker", "heroku", "lambda"];

#[derive(Arguments)]
#[arg(check = ResourceDetectionArguments::check)]
pub struct ResourceDetectionArguments {
    /// What looks for attributes; of two that find the same one, the first one counts.
    #[arg(default = vec!["env".to_owned()])]
    pub detectors: Vec<String>,
    /// Replace attributes that a resource has.
    #[arg(default = true)]
    pub r#override: bool,
    /// How long to look for attributes.
    #[arg(default = "5s")]
    pub timeout: Duration,
    /// Fail where a metadata service does not answer.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Settings of the detector `akamai`.
    #[arg(block)]
    pub akamai: Akamai,
    /// Settings of the detector `alibaba_ecs`.
    #[arg(block)]
    pub alibaba_ecs: AlibabaEcs,
    /// Settings of the detector `aks`.
    #[arg(block)]
    pub aks: Aks,
    /// Settings of the detector `azure`.
    #[arg(block)]
    pub azure: Azure,
    /// Settings of the detector `consul`.
    #[arg(block)]
    pub consul: Consul,
    /// Settings of the detector `docker`.
    #[arg(block)]
    pub docker: Docker,
    /// Settings of the detector `digitalocean`.
    #[arg(block)]
    pub digitalocean: Digitalocean,
    /// Settings of the detector `ec2`.
    #[arg(block)]
    pub ec2: Ec2,
    /// Settings of the detector `ecs`.
    #[arg(block)]
    pub ecs: Ecs,
    /// Settings of the detector `eks`.
    #[arg(block)]
    pub eks: Eks,
    /// Settings of the detector `elasticbeanstalk`.
    #[arg(block)]
    pub elasticbeanstalk: Elasticbeanstalk,
    /// Settings of the detector `gcp`.
    #[arg(block)]
    pub gcp: Gcp,
    /// Settings of the detector `heroku`.
    #[arg(block)]
    pub heroku: Heroku,
    /// Settings of the detector `hetzner`.
    #[arg(block)]
    pub hetzner: Hetzner,
    /// Settings of the detector `kubeadm`.
    #[arg(block)]
    pub kubeadm: Kubeadm,
    /// Settings of the detector `kubernetes_node`.
    #[arg(block)]
    pub kubernetes_node: KubernetesNode,
    /// Settings of the detector `lambda`.
    #[arg(block)]
    pub lambda: Lambda,
    /// Settings of the detector `nova`.
    #[arg(block)]
    pub nova: Nova,
    /// Settings of the detector `oraclecloud`.
    #[arg(block)]
    pub oraclecloud: Oraclecloud,
    /// Settings of the detector `tencent_cvm`.
    #[arg(block)]
    pub tencent_cvm: TencentCvm,
    /// Settings of the detector `scaleway`.
    #[arg(block)]
    pub scaleway: Scaleway,
    /// Settings of the detector `upcloud`.
    #[arg(block)]
    pub upcloud: Upcloud,
    /// Settings of the detector `vultr`.
    #[arg(block)]
    pub vultr: Vultr,
    /// Settings of the detector `openshift`.
    #[arg(block)]
    pub openshift: Openshift,
    /// Settings of the detector `system`.
    #[arg(block)]
    pub system: System,
    /// Settings of the detector `dynatrace`.
    #[arg(block)]
    pub dynatrace: Dynatrace,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl ResourceDetectionArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.detectors.is_empty() {
            let message = "at least one detector must be specified";
            return check.attribute("detectors", message);
        }
        let known = |it: &&String| DETECTORS.contains(&it.as_str());
        if let Some(unknown) = self.detectors.iter().find(|it| !known(it)) {
            check.attribute("detectors", format!("invalid detector: {unknown}"));
        }
    }

    /// A detector that is asked for and cannot run yet.
    pub fn refused(&self) -> Option<&str> {
        let names = self.detectors.iter().map(String::as_str);
        names.into_iter().find(|name| !RUNNING.contains(name))
    }
}

/// The detector `dynatrace` has no settings.
#[derive(Arguments)]
pub struct Dynatrace {}

/// Attributes of Akamai.
#[derive(Arguments)]
pub struct Akamai {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: AkamaiAttributes,
}

/// Attributes of Alibaba Cloud ECS.
#[derive(Arguments)]
pub struct AlibabaEcs {
    /// Fail where there is no metadata service.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: AlibabaEcsAttributes,
}

/// Attributes of Azure Kubernetes Service.
#[derive(Arguments)]
pub struct Aks {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: AksAttributes,
}

/// Attributes of Azure.
#[derive(Arguments)]
pub struct Azure {
    /// Expressions for names of tags that become attributes.
    pub tags: Vec<String>,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: AzureAttributes,
}

/// Attributes of Consul.
#[derive(Arguments)]
pub struct Consul {
    /// Address of the agent.
    #[arg(default = "")]
    pub address: String,
    /// Datacenter to ask for.
    #[arg(default = "")]
    pub datacenter: String,
    /// Metadata that becomes attributes.
    pub meta: Vec<String>,
    /// Namespace to ask for.
    #[arg(default = "")]
    pub namespace: String,
    /// Token for the agent.
    #[arg(default = "")]
    pub token: Secret,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: ConsulAttributes,
}

/// Attributes of Docker.
#[derive(Arguments)]
pub struct Docker {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: DockerAttributes,
}

/// Attributes of DigitalOcean.
#[derive(Arguments)]
pub struct Digitalocean {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: DigitaloceanAttributes,
}

/// Attributes of Amazon EC2.
#[derive(Arguments)]
pub struct Ec2 {
    /// Most attempts of a request.
    #[arg(default = 3)]
    pub max_attempts: i64,
    /// Longest pause between attempts.
    #[arg(default = "20s")]
    pub max_backoff: Duration,
    /// Take tags from the metadata service.
    #[arg(default = false)]
    pub tags_from_imds: bool,
    /// Expressions for names of tags that become attributes.
    pub tags: Vec<String>,
    /// Fail where there is no metadata service.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: Ec2Attributes,
}

/// Attributes of Amazon ECS.
#[derive(Arguments)]
pub struct Ecs {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: EcsAttributes,
}

/// Attributes of Amazon EKS.
#[derive(Arguments)]
pub struct Eks {
    /// Environment variable with the node's name.
    #[arg(default = "K8S_NODE_NAME")]
    pub node_from_env_var: String,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: EksAttributes,
}

/// Attributes of AWS Elastic Beanstalk.
#[derive(Arguments)]
pub struct Elasticbeanstalk {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: ElasticbeanstalkAttributes,
}

/// Attributes of Google Cloud.
#[derive(Arguments)]
pub struct Gcp {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: GcpAttributes,
}

/// Attributes of Heroku.
#[derive(Arguments)]
pub struct Heroku {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: HerokuAttributes,
}

/// Attributes of Hetzner.
#[derive(Arguments)]
pub struct Hetzner {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: HetznerAttributes,
}

/// Attributes of kubeadm.
#[derive(Arguments)]
pub struct Kubeadm {
    /// How to authenticate to Kubernetes.
    #[arg(default = "none")]
    pub auth_type: String,
    /// Context of the kubeconfig.
    #[arg(default = "")]
    pub context: String,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: KubeadmAttributes,
}

/// Attributes of a Kubernetes node.
#[derive(Arguments)]
pub struct KubernetesNode {
    /// How to authenticate to Kubernetes.
    #[arg(default = "none")]
    pub auth_type: String,
    /// Context of the kubeconfig.
    #[arg(default = "")]
    pub context: String,
    /// Environment variable with the node's name.
    #[arg(default = "K8S_NODE_NAME")]
    pub node_from_env_var: String,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: KubernetesNodeAttributes,
}

/// Attributes of AWS Lambda.
#[derive(Arguments)]
pub struct Lambda {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: LambdaAttributes,
}

/// Attributes of OpenStack Nova.
#[derive(Arguments)]
pub struct Nova {
    /// Fail where there is no metadata service.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Expressions for names of labels that become attributes.
    pub labels: Vec<String>,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: NovaAttributes,
}

/// Attributes of Oracle Cloud.
#[derive(Arguments)]
pub struct Oraclecloud {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: OraclecloudAttributes,
}

/// Attributes of Tencent Cloud CVM.
#[derive(Arguments)]
pub struct TencentCvm {
    /// Fail where there is no metadata service.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: TencentCvmAttributes,
}

/// Attributes of Scaleway.
#[derive(Arguments)]
pub struct Scaleway {
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: ScalewayAttributes,
}

/// Attributes of UpCloud.
#[derive(Arguments)]
pub struct Upcloud {
    /// Fail where there is no metadata service.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: UpcloudAttributes,
}

/// Attributes of Vultr.
#[derive(Arguments)]
pub struct Vultr {
    /// Fail where there is no metadata service.
    #[arg(default = false)]
    pub fail_on_missing_metadata: bool,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: VultrAttributes,
}

/// Attributes of OpenShift.
#[derive(Arguments)]
pub struct Openshift {
    /// Address of the API server.
    #[arg(default = "")]
    pub address: String,
    /// Token for the API server.
    #[arg(default = "")]
    pub token: String,
    /// How to speak TLS.
    #[arg(block)]
    pub tls: TlsClient,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: OpenshiftAttributes,
}

/// Attributes of the machine.
#[derive(Arguments)]
#[arg(check = System::check)]
pub struct System {
    /// Where the host's name is looked for, the first that has one counts: `os`, `dns`, `cname` or
    /// `lookup`.
    #[arg(default = vec!["dns".to_owned(), "os".to_owned()])]
    pub hostname_sources: Vec<String>,
    /// Which attributes are set.
    #[arg(block)]
    pub resource_attributes: SystemAttributes,
}

impl System {
    fn check(&self, check: &mut Check<'_>) {
        let known = |it: &&String| matches!(it.as_str(), "os" | "dns" | "cname" | "lookup");
        if let Some(unknown) = self.hostname_sources.iter().find(|it| !known(it)) {
            let message = format!("invalid hostname source: {unknown}");
            check.attribute("hostname_sources", message);
        }
    }
}
