"""Contains all the data models used in inputs/outputs"""

from .audio_input import AudioInput
from .classification_probe import ClassificationProbe
from .compression_request import CompressionRequest
from .compression_request_labels import CompressionRequestLabels
from .controls import Controls
from .data_ref import DataRef
from .delivery import Delivery
from .delivery_attempt import DeliveryAttempt
from .delivery_page import DeliveryPage
from .distillation_layers_chosen import DistillationLayersChosen
from .distillation_step import DistillationStep
from .event import Event
from .event_data import EventData
from .event_page import EventPage
from .exported import Exported
from .ffn_pruning_scope import FfnPruningScope
from .ffn_pruning_score import FfnPruningScore
from .ffn_pruning_step import FfnPruningStep
from .fidelity import Fidelity
from .fidelity_probe import FidelityProbe
from .forecast import Forecast
from .front import Front
from .grid import Grid
from .grid_technique import GridTechnique
from .head_pruning_scope import HeadPruningScope
from .head_pruning_score import HeadPruningScore
from .head_pruning_step import HeadPruningStep
from .health import Health
from .health_checks import HealthChecks
from .image_input import ImageInput
from .input_forecast import InputForecast
from .input_forecast_uncounted_ops import InputForecastUncountedOps
from .input_preset import InputPreset
from .input_profile import InputProfile
from .input_profile_uncounted_ops import InputProfileUncountedOps
from .input_spec import InputSpec
from .job import Job
from .job_error import JobError
from .job_kind_filter import JobKindFilter
from .job_labels import JobLabels
from .job_links import JobLinks
from .job_page import JobPage
from .job_request import JobRequest
from .job_state_filter import JobStateFilter
from .labelled_ref import LabelledRef
from .landscape_point import LandscapePoint
from .landscape_point_error_type_0 import LandscapePointErrorType0
from .landscape_point_intervals import LandscapePointIntervals
from .landscape_point_values import LandscapePointValues
from .landscape_report import LandscapeReport
from .landscape_report_environments_item import LandscapeReportEnvironmentsItem
from .landscape_report_model import LandscapeReportModel
from .landscape_request import LandscapeRequest
from .landscape_request_labels import LandscapeRequestLabels
from .latency import Latency
from .layer_fidelity import LayerFidelity
from .limits import Limits
from .low_rank_allocation import LowRankAllocation
from .low_rank_modules import LowRankModules
from .low_rank_step import LowRankStep
from .low_rank_weighting import LowRankWeighting
from .manifest import Manifest
from .manifest_file import ManifestFile
from .manifest_source import ManifestSource
from .manifest_versions import ManifestVersions
from .measure import Measure
from .model_ref import ModelRef
from .module_profile import ModuleProfile
from .output import Output
from .output_format import OutputFormat
from .phones_probe import PhonesProbe
from .plan_report import PlanReport
from .plan_report_environment import PlanReportEnvironment
from .plan_report_model import PlanReportModel
from .plan_report_seconds import PlanReportSeconds
from .point_request import PointRequest
from .probe_layer import ProbeLayer
from .probe_report import ProbeReport
from .probe_score import ProbeScore
from .problem import Problem
from .problem_field import ProblemField
from .profile import Profile
from .profile_options import ProfileOptions
from .profile_report import ProfileReport
from .profile_report_environment import ProfileReportEnvironment
from .profile_report_model import ProfileReportModel
from .profile_report_seconds import ProfileReportSeconds
from .profile_request import ProfileRequest
from .profile_request_labels import ProfileRequestLabels
from .progress import Progress
from .quantization_dtype import QuantizationDtype
from .quantization_step import QuantizationStep
from .recovery import Recovery
from .regression_probe import RegressionProbe
from .report import Report
from .report_environment import ReportEnvironment
from .report_model import ReportModel
from .report_seconds import ReportSeconds
from .runtime import Runtime
from .runtime_figures import RuntimeFigures
from .runtime_profile import RuntimeProfile
from .score import Score
from .sent_file import SentFile
from .sent_part import SentPart
from .similarity_probe import SimilarityProbe
from .speedup import Speedup
from .step_report import StepReport
from .step_report_achieved import StepReportAchieved
from .step_report_requested import StepReportRequested
from .storage import Storage
from .symbol_unit import SymbolUnit
from .target import Target
from .target_metric import TargetMetric
from .target_scope import TargetScope
from .technique import Technique
from .technique_list import TechniqueList
from .technique_needs_data import TechniqueNeedsData
from .technique_parameters import TechniqueParameters
from .text_input import TextInput
from .upload import Upload
from .upload_completion import UploadCompletion
from .upload_file import UploadFile
from .upload_file_parts import UploadFileParts
from .upload_part import UploadPart
from .upload_request import UploadRequest
from .webhook import Webhook
from .webhook_changes import WebhookChanges
from .webhook_event import WebhookEvent
from .webhook_list import WebhookList
from .webhook_request import WebhookRequest
from .webhook_with_secret import WebhookWithSecret
from .weight_pruning_criterion import WeightPruningCriterion
from .weight_pruning_pattern import WeightPruningPattern
from .weight_pruning_scope import WeightPruningScope
from .weight_pruning_step import WeightPruningStep

__all__ = (
    "AudioInput",
    "ClassificationProbe",
    "CompressionRequest",
    "CompressionRequestLabels",
    "Controls",
    "DataRef",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryPage",
    "DistillationLayersChosen",
    "DistillationStep",
    "Event",
    "EventData",
    "EventPage",
    "Exported",
    "FfnPruningScope",
    "FfnPruningScore",
    "FfnPruningStep",
    "Fidelity",
    "FidelityProbe",
    "Forecast",
    "Front",
    "Grid",
    "GridTechnique",
    "HeadPruningScope",
    "HeadPruningScore",
    "HeadPruningStep",
    "Health",
    "HealthChecks",
    "ImageInput",
    "InputForecast",
    "InputForecastUncountedOps",
    "InputPreset",
    "InputProfile",
    "InputProfileUncountedOps",
    "InputSpec",
    "Job",
    "JobError",
    "JobKindFilter",
    "JobLabels",
    "JobLinks",
    "JobPage",
    "JobRequest",
    "JobStateFilter",
    "LabelledRef",
    "LandscapePoint",
    "LandscapePointErrorType0",
    "LandscapePointIntervals",
    "LandscapePointValues",
    "LandscapeReport",
    "LandscapeReportEnvironmentsItem",
    "LandscapeReportModel",
    "LandscapeRequest",
    "LandscapeRequestLabels",
    "Latency",
    "LayerFidelity",
    "Limits",
    "LowRankAllocation",
    "LowRankModules",
    "LowRankStep",
    "LowRankWeighting",
    "Manifest",
    "ManifestFile",
    "ManifestSource",
    "ManifestVersions",
    "Measure",
    "ModelRef",
    "ModuleProfile",
    "Output",
    "OutputFormat",
    "PhonesProbe",
    "PlanReport",
    "PlanReportEnvironment",
    "PlanReportModel",
    "PlanReportSeconds",
    "PointRequest",
    "ProbeLayer",
    "ProbeReport",
    "ProbeScore",
    "Problem",
    "ProblemField",
    "Profile",
    "ProfileOptions",
    "ProfileReport",
    "ProfileReportEnvironment",
    "ProfileReportModel",
    "ProfileReportSeconds",
    "ProfileRequest",
    "ProfileRequestLabels",
    "Progress",
    "QuantizationDtype",
    "QuantizationStep",
    "Recovery",
    "RegressionProbe",
    "Report",
    "ReportEnvironment",
    "ReportModel",
    "ReportSeconds",
    "Runtime",
    "RuntimeFigures",
    "RuntimeProfile",
    "Score",
    "SentFile",
    "SentPart",
    "SimilarityProbe",
    "Speedup",
    "StepReport",
    "StepReportAchieved",
    "StepReportRequested",
    "Storage",
    "SymbolUnit",
    "Target",
    "TargetMetric",
    "TargetScope",
    "Technique",
    "TechniqueList",
    "TechniqueNeedsData",
    "TechniqueParameters",
    "TextInput",
    "Upload",
    "UploadCompletion",
    "UploadFile",
    "UploadFileParts",
    "UploadPart",
    "UploadRequest",
    "Webhook",
    "WebhookChanges",
    "WebhookEvent",
    "WebhookList",
    "WebhookRequest",
    "WebhookWithSecret",
    "WeightPruningCriterion",
    "WeightPruningPattern",
    "WeightPruningScope",
    "WeightPruningStep",
)
